/**
 * Who may send: one agent per host, enrolled with a token that works once. Keys and tokens are random and only their
 * digests are kept. An agent may append batches under its own collector's name and read rules; nothing else.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../core/model/component.ts'
import type { Documents, Versioned } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'

export interface Agent {
  id: string
  /** The collector's name in every event id. */
  collector: string
  createdMs: number
  revokedMs: number | null
}

/** What is known of an agent's last request; written every few seconds at most. */
export interface AgentStatus {
  lastSeenMs: number
  /** How far the host's clock is ahead of ours, in ms; what the request took on its way counts against it. */
  skewMs: number
}

export interface Enrolled {
  agent: Agent
  /** `ID.SECRET`, shown this once. */
  key: string
}

interface StoredAgent extends Agent {
  digest: string
}

interface StoredToken {
  digest: string
  createdMs: number
  expiresMs: number
}

const SPACES = { agents: 'agents', names: 'agent-names', status: 'agent-status', tokens: 'enrolment-tokens' } as const
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const SECRET_BYTES = 32
const PAGE = 1_000

export interface AgentsOptions {
  documents: Documents
  nowMs?: Clock['nowMs']
}

export class Agents {
  private readonly documents: Documents
  private readonly nowMs: Clock['nowMs']

  constructor({ documents, nowMs = Date.now }: AgentsOptions) {
    this.documents = documents
    this.nowMs = nowMs
  }

  /** A token for one enrolment within `validMs`. */
  async createToken(validMs: number): Promise<string> {
    await this.removeExpiredTokens()
    const { id, secret, digest } = newSecret()
    const createdMs = this.nowMs()
    const token: StoredToken = { digest, createdMs, expiresMs: createdMs + validMs }
    await this.documents.put(SPACES.tokens, id, token, 0)
    return `${id}.${secret}`
  }

  /** Throws AppError E_INGEST_TOKEN, E_INGEST_NAME_TAKEN, E_API_REQUEST. A refused name leaves the token usable. */
  async enrol(token: string, collector: string): Promise<Enrolled> {
    if (!NAME.test(collector)) {
      throw new AppError(
        'E_API_REQUEST',
        'a collector is named with 1 to 128 letters, digits, dots, dashes, underscores',
      )
    }
    const { id: tokenId, secret } = split(token)
    const held = await this.documents.get(SPACES.tokens, tokenId)
    const stored = held?.value as StoredToken | undefined
    if (held === null || stored === undefined || !matches(stored.digest, secret) || stored.expiresMs < this.nowMs()) {
      throw new AppError('E_INGEST_TOKEN', 'this enrolment token is unknown, used or expired')
    }
    const key = newSecret()
    // The name first: of two who ask for it at the same time, one gets it.
    if (!(await this.documents.put(SPACES.names, collector, { agent: key.id }, 0))) {
      throw new AppError(
        'E_INGEST_NAME_TAKEN',
        `a collector named ${collector} is enrolled; revoke it or choose another name`,
      )
    }
    if (!(await this.documents.remove(SPACES.tokens, tokenId, held.version))) {
      const name = await this.documents.get(SPACES.names, collector)
      if (name !== null) await this.documents.remove(SPACES.names, collector, name.version)
      throw new AppError('E_INGEST_TOKEN', 'this enrolment token was used by somebody else at the same moment')
    }
    const agent: Agent = { id: key.id, collector, createdMs: this.nowMs(), revokedMs: null }
    await this.documents.put(SPACES.agents, agent.id, { ...agent, digest: key.digest } satisfies StoredAgent, 0)
    return { agent, key: `${key.id}.${key.secret}` }
  }

  /** The agent behind a key; null for a key that is unknown, wrong or revoked. */
  async authenticate(key: string): Promise<Agent | null> {
    const { id, secret } = split(key)
    const found = (await this.documents.get(SPACES.agents, id))?.value as StoredAgent | undefined
    if (found === undefined || !matches(found.digest, secret) || found.revokedMs !== null) return null
    return withoutDigest(found)
  }

  async list(): Promise<(Agent & { status: AgentStatus | null })[]> {
    const byId = new Map<string, AgentStatus>()
    for await (const { key, value } of this.all(SPACES.status)) byId.set(key, value as AgentStatus)
    const found: (Agent & { status: AgentStatus | null })[] = []
    for await (const { key, value } of this.all(SPACES.agents))
      found.push({ ...withoutDigest(value as StoredAgent), status: byId.get(key) ?? null })
    return found
  }

  /** By the agent's id or its collector's name; its name becomes free. False when there is none. */
  async revoke(idOrCollector: string): Promise<boolean> {
    const name = await this.documents.get(SPACES.names, idOrCollector)
    const id = (name?.value as { agent: string } | undefined)?.agent ?? idOrCollector
    const found = await this.documents.get(SPACES.agents, id)
    const agent = found?.value as StoredAgent | undefined
    if (found === null || agent === undefined || agent.revokedMs !== null) return false
    const revoked: StoredAgent = { ...agent, revokedMs: this.nowMs() }
    if (!(await this.documents.put(SPACES.agents, id, revoked, found.version))) return this.revoke(idOrCollector)
    const held = await this.documents.get(SPACES.names, agent.collector)
    if (held !== null && (held.value as { agent: string }).agent === id)
      await this.documents.remove(SPACES.names, agent.collector, held.version)
    return true
  }

  async seen(agent: Agent, status: AgentStatus): Promise<void> {
    const before = await this.documents.get(SPACES.status, agent.id)
    await this.documents.put(SPACES.status, agent.id, status, before?.version ?? 0)
  }

  /** Every document of a space, page by page. */
  private async *all(space: string): AsyncIterable<Versioned> {
    for (let after = ''; ; ) {
      const page = await this.documents.scan(space, after, PAGE)
      yield* page
      const last = page.at(-1)
      if (last === undefined) return
      after = last.key
    }
  }

  /** Tokens that nobody used in time. */
  private async removeExpiredTokens(): Promise<void> {
    for await (const { key, value, version } of this.all(SPACES.tokens)) {
      if ((value as StoredToken).expiresMs < this.nowMs()) await this.documents.remove(SPACES.tokens, key, version)
    }
  }
}

function newSecret(): { id: string; secret: string; digest: string } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { id: randomBytes(8).toString('hex'), secret, digest: digestOf(secret) }
}

function split(key: string): { id: string; secret: string } {
  const [id = '', secret = '', rest] = key.length > 200 ? [] : key.split('.')
  return rest === undefined ? { id, secret } : { id: '', secret: '' }
}

/** A plain digest: the secrets are random, so that nothing can be guessed from it. */
function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function matches(digest: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(digest, 'hex'), Buffer.from(digestOf(secret), 'hex'))
}

function withoutDigest({ id, collector, createdMs, revokedMs }: StoredAgent): Agent {
  return { id, collector, createdMs, revokedMs }
}
