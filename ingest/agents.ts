/**
 * Who may send: one agent per host, enrolled with a token that works once. Keys and tokens are random and only their
 * digests are kept. An agent may append batches under its own collector's name and read rules; nothing else.
 */
import type { Clock } from '../core/model/component.ts'
import type { DocumentChange, Documents } from '../core/model/documents.ts'
import { eachDocument } from '../core/model/each-document.ts'
import { AppError } from '../core/model/errors.ts'
import { digestOf, matchesDigest, newSecretKey, splitSecretKey } from '../core/runtime/secret-key.ts'

export interface Agent {
  id: string
  /** The collector's name in every event id. */
  collector: string
  createdMs: number
  revokedMs: number | null
}

/** What is known of an agent's last request; written every few seconds. */
export interface AgentStatus {
  lastSeenMs: number
  /** How far the host's clock is ahead of ours, in ms; what the request took on its way counts against it. */
  skewMs: number
}

/** What the centre is told of a host's key; the secret stays on the host. */
export interface KeyDigest {
  /** 16 hex digits of the host's making; the agent's id. */
  id: string
  /** SHA-256 of the secret, 64 hex digits. */
  digest: string
}

interface StoredAgent extends Agent {
  digest: string
  /** The token it was enrolled with, so that the same request again gets the same answer. */
  token: string
}

interface StoredToken {
  digest: string
  createdMs: number
  expiresMs: number
}

const SPACES = { agents: 'agents', names: 'agent-names', status: 'agent-status', tokens: 'enrolment-tokens' } as const
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const AGENT_ID = /^[0-9a-f]{16}$/
const DIGEST = /^[0-9a-f]{64}$/
/** Statuses of one commit. */
const STATUSES = 200

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
    const { id, secret, digest } = newSecretKey()
    const createdMs = this.nowMs()
    const token: StoredToken = { digest, createdMs, expiresMs: createdMs + validMs }
    await this.documents.put(SPACES.tokens, id, token, 0)
    return `${id}.${secret}`
  }

  /**
   * Name, token and agent change in one commit. The same host with the same token, name and key gets the same answer
   * again, so that one whose answer was lost repeats its request; with another key the token is used up. Throws AppError
   * E_INGEST_TOKEN, E_INGEST_NAME_TAKEN, E_API_REQUEST. A refused name leaves the token usable.
   */
  async enrol(token: string, collector: string, { id, digest }: KeyDigest): Promise<Agent> {
    if (!NAME.test(collector)) {
      throw new AppError(
        'E_API_REQUEST',
        'a collector is named with 1 to 128 letters, digits, dots, dashes, underscores',
      )
    }
    if (!AGENT_ID.test(id) || !DIGEST.test(digest))
      throw new AppError('E_API_REQUEST', 'a key has an id of 16 and a digest of 64 hex digits')
    const { id: tokenId, secret } = splitSecretKey(token)
    const held = await this.documents.get(SPACES.tokens, tokenId)
    const stored = held?.value as StoredToken | undefined
    if (held === null || stored === undefined) return this.enrolled(token, collector, { id, digest })
    if (!matchesDigest(stored.digest, secret) || stored.expiresMs < this.nowMs()) throw unusableToken()
    const agent: Agent = { id, collector, createdMs: this.nowMs(), revokedMs: null }
    const document: StoredAgent = { ...agent, digest, token: digestOf(token) }
    const isDone = await this.documents.commit([
      { space: SPACES.names, key: collector, value: { agent: id }, ifVersion: 0 },
      { space: SPACES.tokens, key: tokenId, value: undefined, ifVersion: held.version },
      { space: SPACES.agents, key: id, value: document, ifVersion: 0 },
    ])
    if (isDone) return agent
    // Somebody was first: with this token, with this name, or with this very request.
    if ((await this.documents.get(SPACES.tokens, tokenId)) === null)
      return this.enrolled(token, collector, { id, digest })
    if ((await this.documents.get(SPACES.names, collector)) === null)
      throw new AppError('E_API_REQUEST', 'another agent has this id; make a new key')
    throw new AppError(
      'E_INGEST_NAME_TAKEN',
      `a collector named ${collector} is enrolled; revoke it or choose another name`,
    )
  }

  /** The agent that exactly this request enrolled before. Throws AppError E_INGEST_TOKEN where there is none. */
  private async enrolled(token: string, collector: string, { id, digest }: KeyDigest): Promise<Agent> {
    const found = (await this.documents.get(SPACES.agents, id))?.value as StoredAgent | undefined
    const isSame =
      found !== undefined &&
      found.revokedMs === null &&
      found.collector === collector &&
      found.digest === digest &&
      found.token === digestOf(token)
    if (!isSame) throw unusableToken()
    return withoutDigest(found)
  }

  /** The agent behind a key; null for a key that is unknown, wrong or revoked. */
  async authenticate(key: string): Promise<Agent | null> {
    const { id, secret } = splitSecretKey(key)
    const found = (await this.documents.get(SPACES.agents, id))?.value as StoredAgent | undefined
    if (found === undefined || !matchesDigest(found.digest, secret) || found.revokedMs !== null) return null
    return withoutDigest(found)
  }

  async list(): Promise<(Agent & { status: AgentStatus | null })[]> {
    const byId = new Map<string, AgentStatus>()
    for await (const { key, value } of eachDocument(this.documents, SPACES.status)) byId.set(key, value as AgentStatus)
    const found: (Agent & { status: AgentStatus | null })[] = []
    for await (const { key, value } of eachDocument(this.documents, SPACES.agents))
      found.push({ ...withoutDigest(value as StoredAgent), status: byId.get(key) ?? null })
    return found
  }

  /** By the agent's id or its collector's name; its name becomes free with it. False when there is none. */
  async revoke(idOrCollector: string): Promise<boolean> {
    for (;;) {
      const named = await this.documents.get(SPACES.names, idOrCollector)
      const id = (named?.value as { agent: string } | undefined)?.agent ?? idOrCollector
      const found = await this.documents.get(SPACES.agents, id)
      const agent = found?.value as StoredAgent | undefined
      if (found === null || agent === undefined) return false
      const name = named ?? (await this.documents.get(SPACES.names, agent.collector))
      const isHeld = name !== null && (name.value as { agent: string }).agent === id
      if (agent.revokedMs !== null && !isHeld) return false
      const revoked: StoredAgent = { ...agent, revokedMs: agent.revokedMs ?? this.nowMs() }
      const changes: DocumentChange[] = [{ space: SPACES.agents, key: id, value: revoked, ifVersion: found.version }]
      if (isHeld) changes.push({ space: SPACES.names, key: agent.collector, value: undefined, ifVersion: name.version })
      if (await this.documents.commit(changes)) return true
      // Somebody changed one of them meanwhile.
    }
  }

  /** By agent's id. Where another writes the status of the same agent at the same time, one of them counts. */
  async seen(statuses: ReadonlyMap<string, AgentStatus>): Promise<void> {
    const all = [...statuses]
    for (let from = 0; from < all.length; from += STATUSES) {
      const some = all.slice(from, from + STATUSES)
      const before = await this.documents.getAll(some.map(([key]) => ({ space: SPACES.status, key })))
      const changes = some.map(([key, value], i) => {
        return { space: SPACES.status, key, value, ifVersion: before[i]?.version ?? 0 }
      })
      if (await this.documents.commit(changes)) continue
      for (const { space, key, value, ifVersion } of changes) await this.documents.put(space, key, value, ifVersion)
    }
  }

  /** Tokens that nobody used in time. */
  private async removeExpiredTokens(): Promise<void> {
    for await (const { key, value, version } of eachDocument(this.documents, SPACES.tokens)) {
      if ((value as StoredToken).expiresMs < this.nowMs()) await this.documents.remove(SPACES.tokens, key, version)
    }
  }
}

function unusableToken(): AppError {
  return new AppError('E_INGEST_TOKEN', 'this enrolment token is unknown, used or expired')
}

function withoutDigest({ id, collector, createdMs, revokedMs }: StoredAgent): Agent {
  return { id, collector, createdMs, revokedMs }
}
