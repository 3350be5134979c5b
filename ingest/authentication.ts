/**
 * Checks the key of every request before anything of its body is read. An answer holds for a few seconds, so that a
 * thousand hosts are no thousand look-ups a second; a revoked key works that much longer at most.
 */
import type { FastifyRequest } from 'fastify'
import { ApiProblem } from '../core/http/problem.ts'
import type { Agent, Agents } from './agents.ts'

const HOLDS_MS = 5_000
const MAX_REMEMBERED = 20_000

export interface Authentication {
  /** Throws ApiProblem 401 E_INGEST_CREDENTIALS. */
  agentOf(request: FastifyRequest): Promise<Agent>
}

export function createAuthentication(agents: Agents, nowMs: () => number = Date.now): Authentication {
  const remembered = new Map<string, { agent: Agent; atMs: number }>()
  return {
    async agentOf(request) {
      const key = /^Bearer ([\w.-]+)$/.exec(request.headers.authorization ?? '')?.[1]
      if (key === undefined) throw refused('the request has no key: Authorization: Bearer KEY')
      const known = remembered.get(key)
      const age = nowMs() - (known?.atMs ?? 0)
      if (known !== undefined && age >= 0 && age < HOLDS_MS) return known.agent
      remembered.delete(key)
      const agent = await agents.authenticate(key)
      if (agent === null) throw refused('the key is unknown or was revoked; enrol this host again')
      remembered.set(key, { agent, atMs: nowMs() })
      const [oldest] = remembered.keys()
      if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
      return agent
    },
  }
}

function refused(detail: string): ApiProblem {
  return new ApiProblem(401, 'E_INGEST_CREDENTIALS', detail)
}
