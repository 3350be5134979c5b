/** A worker thread that subscribes to a feed, reports what it gets, and is deaf for as long as it is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { createMemoryFeed } from '../../../backends/memory/feed.ts'
import type { KqlNode } from '../../../core/language/kql/ast.ts'
import { naiveMatches } from '../../oracle/naive-kql.ts'

const { name, filter } = workerData as { name: string; filter: KqlNode | null }
const feed = createMemoryFeed({ name, evaluate: (node, body) => naiveMatches(node, body, {}), maxInFlight: 4 })
await feed.start()
const stop = new AbortController()
const items = feed.subscribe(filter, stop.signal)
parentPort!.on('message', (message: { blockMs?: number; stop?: boolean }) => {
  if (message.blockMs !== undefined) parentPort!.postMessage('blocking')
  if (message.blockMs !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.blockMs)
  if (message.stop) stop.abort()
})
parentPort!.postMessage('ready')
for await (const item of items) parentPort!.postMessage(item)
await feed.stop(0)
parentPort!.postMessage('stopped')
parentPort!.close()
