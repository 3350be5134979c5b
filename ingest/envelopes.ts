/**
 * Stamps batches where they become durable: when they came, which rules judge them, and which part of the store each of
 * their days goes to. The queue remembers the first stamp of every batch, so that a repeated one keeps it.
 */
import { storageDays } from '../core/batch/storage-day.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import { ACTIVE_RULES, RULES_SPACE } from '../core/model/published-rules.ts'
import { PARTS_SPACE } from '../core/model/store-parts.ts'

export interface EnvelopesOptions {
  documents: Documents
  nowMs?: () => number
  onError: (error: unknown) => void
}

const READ_MS = 2_000
const DAY_MS = 86_400_000

export class Envelopes implements Component {
  private readonly options: EnvelopesOptions
  private readonly nowMs: () => number
  private ruleset: string | null = null
  private parts: ReadonlyMap<string, number> = new Map()
  /** Of all days that a batch which comes today can hold; made anew when the day or the parts change. */
  private today: { day: number; parts: Readonly<Record<string, number>> } | null = null
  private isRead = false
  private timer: NodeJS.Timeout | undefined

  constructor(options: EnvelopesOptions) {
    this.options = options
    this.nowMs = options.nowMs ?? Date.now
  }

  async start(): Promise<void> {
    await this.read().catch(this.options.onError)
    this.timer = setInterval(() => void this.read().catch(this.options.onError), READ_MS)
    this.timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
  }

  /** The version that judges what comes now; null while none was published. */
  get activeRules(): string | null {
    return this.ruleset
  }

  /** Throws AppError E_QUEUE_STORAGE until the documents could be read once. */
  stamp(header: BatchHeader): Envelope {
    if (!this.isRead) {
      throw new AppError('E_QUEUE_STORAGE', 'ingest has not yet read which rules are active', { retryable: true })
    }
    const receivedMs = this.nowMs()
    return { receivedMs, ruleset: this.ruleset ?? header.edgeRuleset, parts: this.partsOf(receivedMs) }
  }

  private partsOf(receivedMs: number): Readonly<Record<string, number>> {
    const day = Math.floor(receivedMs / DAY_MS)
    if (this.today?.day !== day) {
      const parts = Object.fromEntries(storageDays(receivedMs).map((name) => [name, this.parts.get(name) ?? 0]))
      this.today = { day, parts }
    }
    return this.today.parts
  }

  private async read(): Promise<void> {
    const { documents } = this.options
    const active = await documents.get(RULES_SPACE, ACTIVE_RULES)
    const days = await documents.scan(PARTS_SPACE, '', 10_000)
    this.ruleset = (active?.value as { version?: string } | undefined)?.version ?? null
    this.parts = new Map(days.map(({ key, value }) => [key, Number((value as { part: number }).part)]))
    this.today = null
    this.isRead = true
  }
}
