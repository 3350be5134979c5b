/**
 * Executes the commands of this host: each at most once, whatever is delivered again and whenever the host is killed,
 * and each answered by an event, durable before the centre is told. What was under way when the host ended is answered
 * as interrupted: whether it took effect is not known.
 */
import { BatchBuilder } from '../../core/batch/builder.ts'
import { fromText } from '../../core/batch/strings.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import {
  COMMAND_KIND,
  type CommandChannel,
  type DueCommand,
  MAX_RESULT_CHARS,
  type Outcome,
} from '../../core/model/command.ts'
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import { eachDocument } from '../../core/model/each-document.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Sink } from '../../core/model/source.ts'
import { backoffMs } from '../../core/runtime/backoff.ts'
import { nowNs, systemClock } from '../../core/runtime/clock.ts'
import { doneOrLate, withinTime } from '../../core/runtime/deadline.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'

/** What came of it, in a sentence. Throws what went wrong. */
export type CommandAction = (args: unknown, signal: AbortSignal) => Promise<string>

export interface CommandRunnerOptions {
  channel: CommandChannel
  /** By kind. */
  actions: ReadonlyMap<string, CommandAction>
  /** On this host: which commands began here, and what came of them. */
  journal: Documents
  sink: Sink
  metrics: Metrics
  logger: Logger
  /** How long one question to the centre may wait. Default 20 s. */
  waitMs?: number
  /** How long one action may take. Default 60 s. */
  actionMs?: number
}

interface Entry {
  kind: string
  state: 'began' | 'ended' | 'told'
  outcome: Outcome
  message: string
  /** ns since the Unix epoch, decimal: when it ended, which is the time of its event. */
  atNs: string
}

const SPACE = 'executed-commands'
const RETRY = { firstMs: 1_000, maxMs: 30_000 }
const TELL_AGAIN_MS = 500
/** A command is good for seven days at most; one that old is not executed whatever is remembered of it. */
const REMEMBERED_NS = 8n * 86_400n * 1_000_000_000n
const INTERRUPTED = 'this host ended while it ran; whether it took effect is not known'

export class CommandRunner implements Component {
  private readonly options: CommandRunnerOptions
  private stopped = new AbortController()
  private running: Promise<void> | null = null

  constructor(options: CommandRunnerOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    this.stopped = new AbortController()
    await this.forgetOld()
    this.running = this.run(this.stopped.signal)
  }

  /** What runs is waited for within the deadline; then it is answered as interrupted at the next start. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopped.abort()
    await doneOrLate(deadlineMs, this.running)
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { channel, logger, waitMs = 20_000 } = this.options
    for (let failures = 0; !signal.aborted; ) {
      try {
        // One that cannot be answered must not keep those behind it waiting.
        const unanswered: unknown[] = []
        for (const command of await channel.next(waitMs, signal)) {
          if (signal.aborted) return
          await this.settle(command, signal).catch((error: unknown) => void unanswered.push(error))
        }
        if (unanswered.length > 0) throw unanswered[0]
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (failures === 0) logger.warn({ err: error }, 'Commands cannot be asked for or answered now')
        await systemClock.sleep(backoffMs(++failures, RETRY), signal).catch(() => {})
      }
    }
  }

  private async settle(command: DueCommand, signal: AbortSignal): Promise<void> {
    const { journal, channel } = this.options
    const known = await journal.get(SPACE, command.id)
    const entry =
      known === null ? await this.execute(command, signal) : await this.concluded(command.id, known.value as Entry)
    if (entry.state !== 'told') {
      await this.tell(command.id, entry, signal)
      await this.write(command.id, { ...entry, state: 'told' })
    }
    await channel.settle([{ id: command.id, outcome: entry.outcome, message: entry.message }])
  }

  private async execute({ id, kind, args, remainingMs }: DueCommand, signal: AbortSignal): Promise<Entry> {
    const { actions, actionMs = 60_000, logger } = this.options
    const action = COMMAND_KIND.test(kind) ? actions.get(kind) : undefined
    if (remainingMs <= 0) return this.ended(id, kind, 'expired', 'it had expired when this host heard of it')
    if (action === undefined) {
      const known = [...actions.keys()].join(', ')
      return this.ended(id, kind, 'refused', `this host knows no such command; it knows ${known}`)
    }
    logger.info({ command: id, kind }, 'A command is executed')
    // From here on it has begun, even if the host ends in the next instant.
    await this.write(id, { kind, state: 'began', outcome: 'interrupted', message: INTERRUPTED, atNs: String(nowNs()) })
    try {
      const limits = AbortSignal.any([signal, AbortSignal.timeout(actionMs)])
      const late = `it was not done within ${actionMs} ms, and may still run`
      const message = await withinTime(actionMs, action(args, limits), late)
      return await this.ended(id, kind, 'done', message)
    } catch (error) {
      return await this.ended(id, kind, 'failed', error instanceof Error ? error.message : String(error))
    }
  }

  /** One that this or an earlier process began. */
  private async concluded(id: string, entry: Entry): Promise<Entry> {
    if (entry.state !== 'began') return entry
    return this.ended(id, entry.kind, 'interrupted', INTERRUPTED)
  }

  private async ended(id: string, kind: string, outcome: Outcome, message: string): Promise<Entry> {
    const entry: Entry = {
      kind: kind.slice(0, 64),
      state: 'ended',
      outcome,
      message: message.slice(0, MAX_RESULT_CHARS),
      atNs: String(nowNs()),
    }
    await this.write(id, entry)
    this.options.metrics.add('seamark_commands_total', 1, { outcome })
    return entry
  }

  /** Resolves when the event is durable. Its id follows from the command's, so that telling it again adds nothing. */
  private async tell(id: string, { kind, outcome, message, atNs }: Entry, signal: AbortSignal): Promise<void> {
    const at = BigInt(atNs)
    const builder = new BatchBuilder(at)
    builder.addEvent('command', at, {
      type: EVENT_TYPES.command.code,
      position: fromText(id),
      kindName: fromText(kind),
      outcome: fromText(outcome),
      message: fromText(message),
    })
    const emission = { source: 'command' as const, batch: builder.build(), lowMs: Number(at / 1_000_000n) }
    while (!(await this.options.sink.emit(emission))) await systemClock.sleep(TELL_AGAIN_MS, signal)
  }

  private async write(id: string, entry: Entry): Promise<void> {
    const { journal } = this.options
    const held = await journal.get(SPACE, id)
    if (!(await journal.put(SPACE, id, entry, held?.version ?? 0)))
      throw new AppError('E_STORE_STORAGE', `another process executes the commands of this host`, { retryable: true })
  }

  private async forgetOld(): Promise<void> {
    const { journal } = this.options
    for await (const { key, value, version } of eachDocument(journal, SPACE)) {
      if (BigInt((value as Entry).atNs) + REMEMBERED_NS < nowNs()) await journal.remove(SPACE, key, version)
    }
  }
}
