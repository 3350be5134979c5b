/**
 * A role in a thread of its own, seen from the main thread: a component that starts, stops, reloads rules and tells its
 * metrics. The other side is `thread-main.ts`. Every request has one reply, and a failed one is always heard.
 */
import { Worker } from 'node:worker_threads'
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { Component } from '../../core/model/component.ts'
import { AppError, type ErrorCode } from '../../core/model/errors.ts'
import type { RuleFile } from '../rules/rule-files.ts'

export type Ask =
  | { kind: 'start' }
  | { kind: 'stop'; deadlineMs: number }
  | { kind: 'metrics' }
  | { kind: 'rules'; files: RuleFile[] }

export type ToThread = Ask & { request: number }

export type FromThread =
  | { kind: 'done'; request: number; metrics?: ThreadMetrics }
  | { kind: 'failed'; request: number; code: ErrorCode | null; message: string }

export type ThreadMetrics = MetricObjectWithValues<MetricValue<string>>[]

const METRICS_MS = 1_000
/** Compiling a large rule set, and pushing its plan into the kernel, on a busy machine. */
const RULES_MS = 60_000

export interface ThreadOptions {
  name: string
  module: URL
  /** Structured-cloned into the thread. */
  data: unknown
  /** A thread that dies takes the program with it: whoever supervises starts it afresh. */
  onDeath: (name: string, error: Error) => void
  /** Hears of requests that failed in the thread while it goes on with what it has. */
  onFailure: (name: string, request: Ask['kind'], error: unknown) => void
}

interface Pending {
  kind: Ask['kind']
  resolve(metrics: ThreadMetrics): void
  reject(error: unknown): void
}

export class Thread implements Component {
  private readonly options: ThreadOptions
  private worker: Worker | null = null
  private isStopping = false
  private nextRequest = 0
  private readonly pending = new Map<number, Pending>()

  constructor(options: ThreadOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { name, module, data, onDeath } = this.options
    const worker = new Worker(module, { workerData: data, name, stdout: false, stderr: false })
    this.worker = worker
    let hasStarted = false
    worker.on('message', (message: FromThread) => this.hear(message))
    const end = (cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      this.settleAll(error)
      if (this.isStopping || !hasStarted) return
      this.isStopping = true
      onDeath(name, error)
    }
    worker.on('error', end)
    worker.on('exit', () => end(new Error(`the ${name} ended early`)))
    try {
      await this.ask({ kind: 'start' })
      hasStarted = true
    } catch (error) {
      // Left alone, the thread would keep the program from ending.
      this.isStopping = true
      await worker.terminate()
      throw error
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    const worker = this.worker
    if (worker === null || this.isStopping) return
    this.isStopping = true
    // Ending it settles every request, the one below too.
    const late = setTimeout(() => {
      worker.terminate().catch((error: unknown) => this.options.onFailure(this.options.name, 'stop', error))
    }, deadlineMs)
    try {
      await this.ask({ kind: 'stop', deadlineMs: Math.max(100, deadlineMs - 200) })
    } finally {
      clearTimeout(late)
      await worker.terminate()
      this.worker = null
    }
  }

  /** Rejects when the thread refuses them or does not answer; it goes on with the rules it has. */
  async reloadRules(files: RuleFile[]): Promise<void> {
    if (this.worker === null || this.isStopping) throw new Error(`the ${this.options.name} does not run`)
    await this.within(RULES_MS, this.ask({ kind: 'rules', files }))
  }

  /** Empty when the thread does not answer in time: metrics must not wait for a busy stage. Never rejects. */
  async metrics(): Promise<ThreadMetrics> {
    // One that has not answered yet is not asked again: what waits for it must not grow.
    if (this.worker === null || this.isStopping || this.isAsked('metrics')) return []
    const asked = this.ask({ kind: 'metrics' }).catch((error: unknown) => {
      if (!this.isStopping) this.options.onFailure(this.options.name, 'metrics', error)
      return []
    })
    return this.within(METRICS_MS, asked).catch(() => [])
  }

  private isAsked(kind: Ask['kind']): boolean {
    return [...this.pending.values()].some((pending) => pending.kind === kind)
  }

  private async within<T>(limitMs: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const message = `the ${this.options.name} did not answer within ${limitMs} ms`
      timer = setTimeout(() => reject(new AppError('E_DEADLINE', message, { retryable: true })), limitMs)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }

  private hear(message: FromThread): void {
    const pending = this.pending.get(message.request)
    this.pending.delete(message.request)
    if (message.kind === 'done') pending?.resolve(message.metrics ?? [])
    else pending?.reject(new AppError(message.code ?? 'E_DEADLINE', message.message))
  }

  /** The thread is gone: that answers a request to stop, and fails all others. */
  private settleAll(error: Error): void {
    for (const { kind, resolve, reject } of this.pending.values()) {
      if (kind === 'stop') resolve([])
      else reject(error)
    }
    this.pending.clear()
  }

  private ask(message: Ask): Promise<ThreadMetrics> {
    const request = this.nextRequest++
    return new Promise((resolve, reject) => {
      this.pending.set(request, { kind: message.kind, resolve, reject })
      this.worker!.postMessage({ ...message, request } satisfies ToThread)
    })
  }
}
