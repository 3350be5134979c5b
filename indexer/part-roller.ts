/**
 * Keeps the parts of a day at a size that can be searched and dropped: where the newest one has outgrown its bound, new
 * batches are stamped with the next. A store that numbers its parts by itself has nothing to roll.
 */
import { storageDays } from '../core/batch/storage-day.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import type { SearchStore } from '../core/model/search-store.ts'
import { PARTS_SPACE, type StorePart } from '../core/model/store-parts.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'

export interface PartRollerOptions {
  documents: Documents
  store: SearchStore
  maxPartBytes: number
  metrics: Metrics
  logger: Logger
  everyMs?: number
  nowMs?: () => number
}

const EVERY_MS = 30_000
const MAX_DAYS = 10_000
/** Other processes' clocks may be that much behind ours, and stamp days that we would not. */
const SKEW_MS = 86_400_000

export class PartRoller implements Component {
  private readonly options: PartRollerOptions
  private timer: NodeJS.Timeout | undefined

  constructor(options: PartRollerOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    if (this.options.store.parts === undefined) return
    const inBackground = createBackground(this.options)
    this.timer = setInterval(() => inBackground('roll-parts', () => this.roll()), this.options.everyMs ?? EVERY_MS)
    this.timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
  }

  /** Several processes may roll the same part: the number only ever goes up by what one of them saw. */
  async roll(): Promise<void> {
    const { store, documents, maxPartBytes, nowMs = Date.now } = this.options
    const newest = new Map<string, { part: number; bytes: number }>()
    for (const { day, part, bytes } of (await store.parts?.()) ?? []) {
      if (part >= (newest.get(day)?.part ?? -1)) newest.set(day, { part, bytes })
    }
    for (const [day, { part, bytes }] of newest) {
      const next = bytes < maxPartBytes ? part : part + 1
      const known = await documents.get(PARTS_SPACE, day)
      if (((known?.value as StorePart | undefined)?.part ?? 0) >= next) continue
      await documents.put(PARTS_SPACE, day, { part: next } satisfies StorePart, known?.version ?? 0)
    }
    // A store shows no part that nothing was written to yet, nor one that it cannot read for now: as long as a day can be
    // stamped, its number stays.
    const firstDay = storageDays(nowMs() - SKEW_MS)[0]!
    for (const { key, version } of await documents.scan(PARTS_SPACE, '', MAX_DAYS)) {
      if (key < firstDay && !newest.has(key)) await documents.remove(PARTS_SPACE, key, version)
    }
  }
}
