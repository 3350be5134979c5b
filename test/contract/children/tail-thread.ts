/** A worker thread that subscribes to a feed, reports what it gets, and is deaf for as long as it is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { createMemoryFeed } from '../../../backends/memory/feed.ts'
import type { FeedFilter } from '../../../core/model/feed.ts'
import { naiveMatches } from '../../oracle/naive-kql.ts'

const { name, filters } = workerData as { name: string; filters: FeedFilter[] }
const feed = createMemoryFeed({ name, evaluate: (node, body) => naiveMatches(node, body, {}), maxInFlight: 4 })
await feed.start()
const stop = new AbortController()
const subscriptions = filters.map((filter) => feed.subscribe(filter, stop.signal))
parentPort!.on('message', (message: { blockMs?: number; stop?: boolean }) => {
  if (message.blockMs !== undefined) parentPort!.postMessage('blocking')
  if (message.blockMs !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.blockMs)
  if (message.stop) stop.abort()
})
parentPort!.postMessage('ready')
await Promise.all(
  subscriptions.map(async (items, subscriber) => {
    for await (const item of items) parentPort!.postMessage({ ...item, subscriber })
  }),
)
await feed.stop(0)
parentPort!.postMessage('stopped')
parentPort!.close()
