/** The thread in which queries run, so that a heavy one never holds up whoever asked. Started by `reader-client.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../../../core/model/errors.ts'
import { createReader, type ReaderOptions } from './reader.ts'
import type { ReaderCall, ReaderReply } from './reader-client.ts'

/** Files that the writer removed keep their space while they are held open here. */
const REFRESH_MS = 30_000

const reader = createReader(workerData as ReaderOptions)
setInterval(() => reader.refresh(), REFRESH_MS).unref()

parentPort?.on('message', ({ number, method, args }: ReaderCall) => {
  parentPort?.postMessage(answer(number, () => (reader[method] as (...args: unknown[]) => unknown)(...args)))
})

function answer(number: number, work: () => unknown): ReaderReply {
  try {
    return { number, result: work() }
  } catch (error) {
    const { code, retryable } =
      error instanceof AppError ? error : { code: 'E_STORE_STORAGE' as const, retryable: true }
    return { number, failure: { code, retryable, message: (error as Error).message } }
  }
}
