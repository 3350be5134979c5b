/**
 * Bytes of messages that are on their way in: of all hosts, and of each, so that none can take the room of the others by
 * announcing what it does not send. What was announced counts until the request is over; a body that comes too slowly is
 * ended.
 */
import type { Metrics } from '../core/runtime/metrics.ts'

export interface InFlightOptions {
  metrics: Metrics
  /** Of all agents together; each may have an eighth. */
  maxBytes: number
  /** Before a body is measured by its speed. Default 10 s. */
  graceMs?: number
}

/** Far below what a host needs to keep up with what it sees. */
const MIN_BYTES_PER_SECOND = 256 * 1024
/** However large; the server ends a request after 60 s without a count. */
const MAX_BODY_MS = 50_000
const AGENTS_AT_LEAST = 8

/** A message under way. */
export interface Admission {
  /** Its body is here. */
  arrived(): void
  /** The request is over. */
  over(): void
}

export class InFlight {
  private readonly options: InFlightOptions
  private readonly byAgent = new Map<string, number>()
  private bytes = 0

  constructor(options: InFlightOptions) {
    this.options = options
  }

  /** Null where there is no room now, which is counted. `end` is called when the body does not come in time. */
  admit(agent: string, length: number, end: () => void): Admission | null {
    const { metrics, maxBytes, graceMs = 10_000 } = this.options
    const own = this.byAgent.get(agent) ?? 0
    if (this.bytes + length > maxBytes || own + length > Math.ceil(maxBytes / AGENTS_AT_LEAST)) {
      metrics.add('seamark_ingest_refused_requests_total', 1, { reason: 'busy' })
      return null
    }
    this.change(agent, length)
    const late = () => {
      metrics.add('seamark_ingest_refused_requests_total', 1, { reason: 'slow' })
      end()
    }
    const timer = setTimeout(late, Math.min(MAX_BODY_MS, graceMs + (length / MIN_BYTES_PER_SECOND) * 1_000))
    timer.unref()
    return {
      arrived: () => clearTimeout(timer),
      over: () => {
        clearTimeout(timer)
        this.change(agent, -length)
      },
    }
  }

  private change(agent: string, by: number): void {
    this.bytes += by
    const own = (this.byAgent.get(agent) ?? 0) + by
    if (own > 0) this.byAgent.set(agent, own)
    else this.byAgent.delete(agent)
  }
}
