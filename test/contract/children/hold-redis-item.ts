/** Claims what the topic holds, says so, and never finishes; meant to be killed. */
import { writeSync } from 'node:fs'
import { createRedisQueue } from '../../../backends/redis/queue.ts'

const [url, prefix] = process.argv.slice(2)
const queue = createRedisQueue({ url: url!, prefix: prefix!, leaseMs: 500 })
await queue.start()
await queue
  .consume('index', async ({ items }) => {
    writeSync(1, `${items.map(({ id }) => id).join(' ')}\n`)
    await new Promise(() => {})
  })
  .start()
