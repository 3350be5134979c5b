/** A worker thread that answers each item of `detections` with one of the same id in `notify`. */
import { workerData } from 'node:worker_threads'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'

const queue = createSqliteQueue({ directory: workerData as string, pollMs: 60_000 })
await queue.start()
await queue
  .consume('detections', async ({ items }) => {
    await queue.offer('notify/terminal', [...items])
  })
  .start()
setInterval(() => {}, 60_000)
