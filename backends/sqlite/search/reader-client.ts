/** Runs a store's queries in a reader thread, started at the first query; a thread that dies is replaced. */
import { Worker } from 'node:worker_threads'
import { AppError, type ErrorCode } from '../../../core/model/errors.ts'
import type { Bucket, DocKind, Query } from '../../../core/model/search-store.ts'
import type { Found } from './part-reader.ts'
import type { CountQuery, FoundPage, ReaderOptions, StoreReader } from './reader.ts'

export interface ReaderCall {
  number: number
  method: Exclude<keyof StoreReader, 'close'>
  args: unknown[]
}

export interface ReaderReply {
  number: number
  result?: unknown
  failure?: { code: ErrorCode; retryable: boolean; message: string }
}

export interface ReaderClient {
  search(query: Query): Promise<FoundPage>
  get(kind: DocKind, id: string): Promise<Found | null>
  getAll(kind: DocKind, ids: readonly string[]): Promise<(Found | null)[]>
  count(query: CountQuery, by: readonly string[], everyMs: number | undefined): Promise<Bucket[]>
  /** Only where a thread runs that could hold files open. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

/** Queries that may wait; more are refused at once, since they would only time out. */
const MAX_WAITING = 64

export function createReaderClient(options: ReaderOptions): ReaderClient {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  let worker: Worker | undefined
  let numbers = 0

  function started(): Worker {
    if (worker !== undefined) return worker
    const thread = new Worker(new URL('./reader-thread.ts', import.meta.url), { workerData: options })
    thread.unref()
    thread.on('message', ({ number, result, failure }: ReaderReply) => {
      const call = waiting.get(number)
      waiting.delete(number)
      if (waiting.size === 0) thread.unref()
      if (failure === undefined) call?.resolve(result)
      else call?.reject(new AppError(failure.code, failure.message, { retryable: failure.retryable }))
    })
    const lost = (cause: unknown) => {
      if (worker === thread) worker = undefined
      for (const call of waiting.values()) {
        call.reject(new AppError('E_STORE_STORAGE', 'the reader thread ended', { retryable: true, cause }))
      }
      waiting.clear()
    }
    thread.on('error', lost)
    thread.on('exit', lost)
    worker = thread
    return thread
  }

  function call(method: ReaderCall['method'], ...args: unknown[]): Promise<unknown> {
    if (waiting.size >= MAX_WAITING) {
      const message = `${MAX_WAITING} queries are waiting already`
      return Promise.reject(new AppError('E_STORE_QUERY', message, { retryable: true }))
    }
    const thread = started()
    numbers += 1
    const number = numbers
    return new Promise((resolve, reject) => {
      waiting.set(number, { resolve, reject })
      // While somebody waits for an answer, the process has something to live for.
      thread.ref()
      thread.postMessage({ number, method, args } satisfies ReaderCall)
    })
  }

  return {
    search: (query) => call('search', query) as Promise<FoundPage>,
    get: (kind, id) => call('get', kind, id) as Promise<Found | null>,
    getAll: (kind, ids) => call('getAll', kind, ids) as Promise<(Found | null)[]>,
    count: (query, by, everyMs) => call('count', query, by, everyMs) as Promise<Bucket[]>,
    refresh: async () => void (worker === undefined ? undefined : await call('refresh')),
    async stop() {
      const thread = worker
      worker = undefined
      await thread?.terminate()
    },
  }
}
