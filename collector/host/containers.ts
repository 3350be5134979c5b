/**
 * What is known of this host's containers, by id. Docker's `create` event brings name and image before the first
 * program runs; an inspection brings the rest. An id the engine has never heard of is no container, whatever the cgroup
 * is called.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerName } from './cgroup-path.ts'
import type { ContainerFacts } from './container-facts.ts'

/** Removed containers are remembered this long: late rows still refer to them. */
const REMOVED_GRACE_MS = 60_000
/** How far the engine's events may be behind its answers. */
const EVENT_LAG_MS = 200
const MAX_CONTAINERS = 20_000

/** Asks the engine. `unknown`: it answered that there is none. `unreachable`: no engine, or no answer in time. */
export type Inspect = (id: string) => Promise<ContainerFacts | 'unknown' | 'unreachable'>

interface Known {
  facts: ContainerFacts
  removedAtMs: number | null
}

export class Containers {
  private readonly known = new Map<string, Known>()
  /** Ids under inspection, and ids the engine does not know. */
  private readonly pending = new Map<string, Promise<void>>()
  private readonly refused = new Set<string>()
  private readonly inspect: Inspect
  /** Inspections asked for by `resolve` that failed in a way nobody foresaw. */
  failedInspections = 0
  private readonly onChange: (facts: ContainerFacts) => void
  private readonly nowMs: () => number

  /** `onChange` is told all that is known of a container whenever more is. */
  constructor(options: { inspect: Inspect; onChange?: (facts: ContainerFacts) => void; nowMs?: () => number }) {
    this.inspect = options.inspect
    this.onChange = options.onChange ?? (() => {})
    this.nowMs = options.nowMs ?? Date.now
  }

  get size(): number {
    return this.known.size
  }

  get(id: string): ContainerFacts | undefined {
    return this.known.get(id)?.facts
  }

  all(): ContainerFacts[] {
    return [...this.known.values()].filter((entry) => entry.removedAtMs === null).map((entry) => entry.facts)
  }

  /** Merges what was learnt; later facts win, unknown ones do not erase known ones. */
  learn(facts: ContainerFacts): void {
    this.refused.delete(facts.id)
    const before = this.known.get(facts.id)
    const merged = { ...before?.facts, ...facts }
    this.known.set(facts.id, { facts: merged, removedAtMs: null })
    this.onChange(merged)
    if (this.known.size > MAX_CONTAINERS) {
      const oldest = this.known.keys().next().value
      if (oldest !== undefined) this.known.delete(oldest)
    }
  }

  rename(id: string, name: string): void {
    this.amend(id, { name })
  }

  /** An inspection made at the creation does not know it yet. */
  started(id: string, startedNs: bigint): void {
    this.amend(id, { startedNs })
  }

  private amend(id: string, change: Partial<ContainerFacts>): void {
    const entry = this.known.get(id)
    if (entry === undefined) return
    entry.facts = { ...entry.facts, ...change }
    this.onChange(entry.facts)
  }

  removed(id: string): void {
    const entry = this.known.get(id)
    if (entry !== undefined) entry.removedAtMs = this.nowMs()
    const before = this.nowMs() - REMOVED_GRACE_MS
    for (const [other, { removedAtMs }] of this.known) {
      if (removedAtMs !== null && removedAtMs < before) this.known.delete(other)
    }
  }

  /**
   * The container of a cgroup with these owners: the nearest that an engine knows (inside Docker in Docker the inner
   * ids mean nothing out here), else the nearest of a runtime that cannot be asked. Null: the host.
   */
  choose(owners: readonly ContainerName[]): ContainerFacts | null {
    if (owners.length === 0) return null
    for (const owner of owners) {
      const entry = this.known.get(owner.id)
      if (entry !== undefined) return entry.facts
    }
    const unasked = owners.find((owner) => !this.refused.has(owner.id))
    return unasked === undefined ? null : { id: unasked.id, runtime: unasked.runtime }
  }

  /** Whether `choose` would have to guess until the engine was asked. */
  isUnresolved(owners: readonly ContainerName[]): boolean {
    return (
      owners.length > 0 &&
      !owners.some((owner) => this.known.has(owner.id)) &&
      owners.some((owner) => owner.runtime === 'docker' && !this.refused.has(owner.id))
    )
  }

  /** Asks the engine about what is unresolved; at most once per id at a time. Never rejects. */
  async resolve(owners: readonly ContainerName[]): Promise<void> {
    const asked = owners.filter(
      (owner) => owner.runtime === 'docker' && !this.known.has(owner.id) && !this.refused.has(owner.id),
    )
    // Whatever becomes of an inspection, the rows that wait for it must go on.
    const outcomes = await Promise.allSettled(asked.map((owner) => this.ask(owner.id)))
    this.failedInspections += outcomes.filter(({ status }) => status === 'rejected').length
  }

  /** Completes what `create` lacks (mounts, privileges, labels …). Rejects when the inspection fails unforeseen. */
  complete(id: string): Promise<void> {
    return this.known.get(id)?.facts.inspected === true ? Promise.resolve() : this.ask(id)
  }

  private ask(id: string): Promise<void> {
    const running = this.pending.get(id)
    if (running !== undefined) return running
    const asking = this.inspect(id)
      .then(async (answer) => {
        if (answer === 'unknown') {
          // It may have come and gone so quickly that its creation is still on the way to us.
          await delay(EVENT_LAG_MS)
          if (!this.known.has(id)) this.refused.add(id)
          if (this.refused.size > MAX_CONTAINERS) this.refused.clear()
        } else if (answer !== 'unreachable') this.learn(answer)
      })
      .finally(() => this.pending.delete(id))
    this.pending.set(id, asking)
    return asking
  }
}
