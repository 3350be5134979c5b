/**
 * Which addresses the host names lead to that rules name (fd.sip.name = "…"). Only those names are looked up, one after
 * the other and again every minute, so that no more than one question is under way. An address stays with its name for
 * a while after the last answer that held it: names of many addresses give others each time.
 */
import { lookup } from 'node:dns/promises'
import { toText } from '../../core/batch/strings.ts'

const FRESH_MS = 60_000
const REMEMBERED_MS = 10 * 60_000
const MAX_ADDRESSES = 256

/** Addresses in text of a name; rejects when there are none, or nobody answers. */
export type Lookup = (name: string) => Promise<readonly string[]>

export interface DomainNamesOptions {
  lookup?: Lookup
  nowMs?: () => number
}

interface Known {
  /** Until when each address counts. */
  untilMs: Map<string, number>
  askedAtMs: number
}

export class DomainNames {
  /** Questions that got no answer. */
  failures = 0
  private readonly lookup: Lookup
  private readonly nowMs: () => number
  private asked: readonly string[] = []
  private known = new Map<string, Known>()
  /** Names by address, separated by NUL; made anew when an answer changes it. */
  private byAddress = new Map<string, string>()
  private round: Promise<void> | null = null

  constructor(options: DomainNamesOptions = {}) {
    this.lookup = options.lookup ?? askSystem
    this.nowMs = options.nowMs ?? Date.now
  }

  /**
   * Looks up what is due of these names, which are byte strings; others are forgotten. Resolves when each has been asked
   * for at least once, at once when that is so already. Never rejects.
   */
  async use(names: readonly string[]): Promise<void> {
    if (names !== this.asked) {
      this.asked = names
      this.known = new Map(names.flatMap((name) => (this.known.has(name) ? [[name, this.known.get(name)!]] : [])))
      this.index()
    }
    do {
      this.round ??= this.askDue().finally(() => {
        this.round = null
      })
      if (names.every((name) => this.known.has(name))) return
      // One that began with other names ends early.
      await this.round
    } while (names === this.asked)
  }

  /** Names that lead to an address, separated by NUL. */
  namesOf(address: string): string | undefined {
    return this.byAddress.get(address)
  }

  /** Addresses that have a name. */
  get addressCount(): number {
    return this.byAddress.size
  }

  private async askDue(): Promise<void> {
    const { asked } = this
    for (const name of asked) {
      if (asked !== this.asked) return
      const nowMs = this.nowMs()
      const known = this.known.get(name)
      if (known !== undefined && nowMs - known.askedAtMs < FRESH_MS) continue
      const untilMs = known?.untilMs ?? new Map<string, number>()
      try {
        for (const address of await this.lookup(toText(name))) {
          // The longest not seen go first.
          untilMs.delete(address)
          untilMs.set(address, nowMs + REMEMBERED_MS)
        }
      } catch {
        this.failures++
      }
      for (const [address, end] of untilMs) if (end <= nowMs || untilMs.size > MAX_ADDRESSES) untilMs.delete(address)
      // The rules may have changed meanwhile.
      if (!this.asked.includes(name)) return
      this.known.set(name, { untilMs, askedAtMs: nowMs })
      this.index()
    }
  }

  private index(): void {
    const names = new Map<string, string>()
    for (const [name, { untilMs }] of this.known) {
      for (const address of untilMs.keys()) {
        const before = names.get(address)
        names.set(address, before === undefined ? name : `${before}\0${name}`)
      }
    }
    this.byAddress = names
  }
}

async function askSystem(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => address.replace(/^::ffff:(?=\d+\.)/, ''))
}
