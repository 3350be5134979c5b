/**
 * A role in a thread of its own, seen from the main thread: a component that starts, stops, reloads rules and tells its
 * metrics. The other side is `thread-main.ts`.
 */
import { Worker } from 'node:worker_threads'
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { Component } from '../../core/model/component.ts'
import { AppError, type ErrorCode } from '../../core/model/errors.ts'
import type { RuleFile } from '../rule-files.ts'

export type ToThread =
  | { kind: 'start' }
  | { kind: 'stop'; deadlineMs: number }
  | { kind: 'metrics'; request: number }
  | { kind: 'rules'; files: RuleFile[] }

export type FromThread =
  | { kind: 'started' }
  | { kind: 'stopped' }
  | { kind: 'failed'; code: ErrorCode | null; message: string }
  | { kind: 'metrics'; request: number; metrics: ThreadMetrics }

export type ThreadMetrics = MetricObjectWithValues<MetricValue<string>>[]

const METRICS_MS = 1_000

export interface ThreadOptions {
  name: string
  module: URL
  /** Structured-cloned into the thread. */
  data: unknown
  /** A thread that dies takes the program with it: whoever supervises starts it afresh. */
  onDeath: (name: string, error: Error) => void
}

export class Thread implements Component {
  private readonly options: ThreadOptions
  private worker: Worker | null = null
  private isStopping = false
  private nextRequest = 0
  private readonly requests = new Map<number, (metrics: ThreadMetrics) => void>()

  constructor(options: ThreadOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { name, module, data, onDeath } = this.options
    const worker = new Worker(module, { workerData: data, name, stdout: false, stderr: false })
    this.worker = worker
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'metrics') this.requests.get(message.request)?.(message.metrics)
    })
    worker.on('error', (error) => {
      if (!this.isStopping) onDeath(name, error instanceof Error ? error : new Error(String(error)))
    })
    try {
      await this.ask({ kind: 'start' }, 'started')
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
    const late = setTimeout(() => void worker.terminate(), deadlineMs)
    try {
      await this.ask({ kind: 'stop', deadlineMs: Math.max(100, deadlineMs - 200) }, 'stopped')
    } finally {
      clearTimeout(late)
      await worker.terminate()
      this.worker = null
    }
  }

  reloadRules(files: RuleFile[]): void {
    this.worker?.postMessage({ kind: 'rules', files } satisfies ToThread)
  }

  /** Empty when the thread does not answer in time: metrics must not wait for a busy stage. */
  async metrics(): Promise<ThreadMetrics> {
    const { worker } = this
    if (worker === null) return []
    const request = this.nextRequest++
    return new Promise((resolve) => {
      const finish = (metrics: ThreadMetrics) => {
        clearTimeout(timer)
        this.requests.delete(request)
        resolve(metrics)
      }
      const timer = setTimeout(() => finish([]), METRICS_MS)
      this.requests.set(request, finish)
      worker.postMessage({ kind: 'metrics', request } satisfies ToThread)
    })
  }

  private ask(message: ToThread, answer: 'started' | 'stopped'): Promise<void> {
    const worker = this.worker!
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        worker.off('message', onMessage)
        worker.off('error', onError)
        worker.off('exit', onExit)
        finish()
      }
      const onMessage = (reply: FromThread) => {
        if (reply.kind === answer) settle(resolve)
        if (reply.kind === 'failed') settle(() => reject(new AppError(reply.code ?? 'E_DEADLINE', reply.message)))
      }
      const onError = (error: unknown) => settle(() => reject(error))
      const onExit = () =>
        settle(answer === 'stopped' ? resolve : () => reject(new Error(`${this.options.name} ended early`)))
      worker.on('message', onMessage)
      worker.on('error', onError)
      worker.on('exit', onExit)
      worker.postMessage(message)
    })
  }
}
