/**
 * What can be wrong with Seamark itself while it runs. A part says that a condition holds or holds no longer; whoever
 * asks for metrics, readiness or `doctor` reads it here, and the reporter makes health events of it. The list is closed,
 * so that each condition has a cure; docs/reference/conditions.md is generated from it.
 */
import type { Metrics } from '../runtime/metrics.ts'

export interface ConditionSpec {
  /** What it is, in a few words that stand before the reason. */
  means: string
  fix: string
  /** The part that finds it makes better events of it than the reporter could. */
  hasOwnEvents?: true
}

export const CONDITIONS = {
  'source.blind': {
    means: 'A source of a host sees nothing',
    fix: 'run `seamark doctor` on that host: it names what is missing',
    hasOwnEvents: true,
  },
  'queue.refusing': {
    means: 'The queue of a host takes nothing; what it sees waits in the kernel, then is lost and counted',
    fix: 'mend what keeps it from being sent, or give the host more disk and a larger queue.max_bytes',
  },
  'ingest.refusing': {
    means: 'Ingest takes nothing of what a host sends; it stays on the host',
    fix: 'for `unreachable` the network or ingest; for `full` the analyzers or Redis; for `credentials` enrol again',
  },
  'clock.skewed': {
    means: "A host's clock is off; its events carry its times and are stored under the nearest day that is kept",
    fix: 'synchronise the time of that host (chrony, systemd-timesyncd)',
  },
  'redis.unreachable': {
    means: 'Redis does not answer; hosts keep what they see',
    fix: 'start Redis, or correct redis.url; its own log has the reason',
  },
  'redis.full': {
    means: 'Redis has used up its memory; hosts keep what they see',
    fix: 'raise `maxmemory` (and its mem_limit), lower queue.max_bytes, or mend what keeps the queue from draining',
  },
  'redis.evicting': {
    means: 'Redis is set to throw data away when memory is short',
    fix: 'set `maxmemory-policy noeviction`',
  },
  'redis.evicted': {
    means: 'Redis has thrown data away: events, alerts or agents are missing',
    fix: 'set `maxmemory-policy noeviction`, restart Redis; enrol hosts that are refused, push the rules again',
  },
  'redis.unsafe': {
    means: 'Redis acknowledges what is not on its disk',
    fix: 'set `appendonly yes` and `appendfsync always`; look at the disk of Redis when it cannot write',
  },
  'store.failing': {
    means: 'The search store takes nothing now; detection goes on, what is to be stored waits in the queue',
    fix: 'the reason names it: start Elasticsearch, free disk and lift the block, or give it time and resources',
  },
  'deadletters.held': {
    means: 'Something could not be handled or stored, and was set aside',
    fix: '`seamark deadletters list` and `show` say what and why; `replay` it after the cure',
  },
  'deadletters.dropped': {
    means: 'More could not be handled than is kept of it',
    fix: 'mend what the kept ones tell of, replay or remove them; revoke a host that sends what cannot be read',
  },
  'host.lost': {
    means: 'A host lost events before it could send them',
    fix: 'spool_full: more disk and queue.max_bytes there; rings and budgets: narrower rules or larger capture.ring_bytes',
  },
  'events.evicted': {
    means: 'Events made room for more important ones in a full queue: they cannot be searched',
    fix: 'mend what keeps them from being stored (Elasticsearch), or give the queue more room (queue.max_bytes)',
  },
  'queue.waiting': {
    means: 'What came from hosts waits in the queue and is not judged, or not stored',
    fix: 'start analyzers, or more of them; where they run, their logs and their other conditions have the reason',
  },
  'notify.waiting': {
    means: 'Alerts wait for a destination, which is away or takes them more slowly than they come',
    fix: 'look at the destination; a program is quicker with keep_alive; narrow the rule that raises so many',
  },
} as const satisfies Record<string, ConditionSpec>

export type ConditionName = keyof typeof CONDITIONS

export interface Condition {
  name: ConditionName
  /** What it is about where there are several, such as a host's name; else empty. */
  subject: string
  /** The reason as it was last told. */
  message: string
  /** ms since the Unix epoch. */
  sinceMs: number
}

/** What the reporter has to tell of one condition. */
export interface Change {
  condition: Condition
  state: 'began' | 'ended'
  atMs: number
}

interface Entry {
  condition: Condition
  endedMs: number | null
  /** Unless it is said again by then, it is over. */
  untilMs: number
  isBeginTold: boolean
}

export interface ConditionsOptions {
  metrics: Metrics
  nowMs?: () => number
  /** One that is over for a shorter time than this has not ended. Default 5 s. */
  settleMs?: number
  /** Conditions at the same time; further ones are counted and not kept. Default 1,000. */
  maxConditions?: number
}

const MAX_MESSAGE_CHARS = 500

export class Conditions {
  private readonly options: Required<ConditionsOptions>
  private readonly entries = new Map<string, Entry>()

  constructor(options: ConditionsOptions) {
    this.options = { nowMs: Date.now, settleMs: 5_000, maxConditions: 1_000, ...options }
    for (const condition of Object.keys(CONDITIONS)) options.metrics.set('seamark_conditions', 0, { condition })
  }

  /**
   * It holds, for this reason; null: it does not. Cheap, so that it can be said with every batch. With `forMs` it ends by
   * itself when it was not said again for so long, as for a host that may fall silent.
   */
  set(name: ConditionName, problem: string | null, subject = '', forMs = Number.POSITIVE_INFINITY): void {
    const { nowMs, maxConditions, metrics } = this.options
    const key = `${name}\0${subject}`
    const entry = this.entries.get(key)
    if (problem === null) {
      if (entry === undefined || entry.endedMs !== null) return
      entry.endedMs = nowMs()
      this.measure(name)
      return
    }
    const message = problem.slice(0, MAX_MESSAGE_CHARS)
    if (entry !== undefined) {
      entry.condition.message = message
      entry.untilMs = nowMs() + forMs
      if (entry.endedMs === null) return
      entry.endedMs = null
    } else {
      if (this.entries.size >= maxConditions) {
        metrics.add('seamark_conditions_dropped_total', 1, { condition: name })
        return
      }
      const condition: Condition = { name, subject, message, sinceMs: nowMs() }
      this.entries.set(key, { condition, endedMs: null, untilMs: nowMs() + forMs, isBeginTold: false })
    }
    this.measure(name)
  }

  /** Those that hold now, the oldest first. */
  current(): Condition[] {
    this.endSilent()
    return [...this.entries.values()]
      .filter(({ endedMs }) => endedMs === null)
      .map(({ condition }) => ({ ...condition }))
      .sort((a, b) => a.sinceMs - b.sinceMs)
  }

  /**
   * What is still to be told, in the order in which it happened. A condition that comes and goes faster than it settles
   * began once and ends once.
   */
  untold(): Change[] {
    const { nowMs, settleMs } = this.options
    this.endSilent()
    const changes: Change[] = []
    for (const { condition, endedMs, isBeginTold } of this.entries.values()) {
      if (!isBeginTold) changes.push({ condition: { ...condition }, state: 'began', atMs: condition.sinceMs })
      const age = endedMs === null ? Number.NEGATIVE_INFINITY : nowMs() - endedMs
      // A clock that was set back settles everything: better told early than never.
      if (endedMs !== null && (age >= settleMs || age < 0))
        changes.push({ condition: { ...condition }, state: 'ended', atMs: endedMs })
    }
    return changes.sort((a, b) => a.atMs - b.atMs)
  }

  /** This change of it is told, durably. */
  told({ condition: { name, subject }, state, atMs }: Change): void {
    const key = `${name}\0${subject}`
    const entry = this.entries.get(key)
    if (entry === undefined) return
    if (state === 'began') entry.isBeginTold = true
    else if (entry.endedMs === atMs) this.entries.delete(key)
    // It began again while its end was told: that is a new beginning.
    else {
      entry.isBeginTold = false
      // It may have ended once more by now; it did not begin after that.
      entry.condition.sinceMs = Math.min(this.options.nowMs(), entry.endedMs ?? Number.POSITIVE_INFINITY)
    }
  }

  private endSilent(): void {
    const nowMs = this.options.nowMs()
    for (const entry of this.entries.values()) {
      if (entry.endedMs !== null || nowMs <= entry.untilMs) continue
      entry.endedMs = nowMs
      this.measure(entry.condition.name)
    }
  }

  private measure(name: ConditionName): void {
    const holding = [...this.entries.values()].filter((one) => one.condition.name === name && one.endedMs === null)
    this.options.metrics.set('seamark_conditions', holding.length, { condition: name })
  }
}
