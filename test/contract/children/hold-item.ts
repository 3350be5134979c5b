/** Claims what the topic holds, says so, and never finishes; meant to be killed. */
import { writeSync } from 'node:fs'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'

const queue = createSqliteQueue({ directory: process.argv[2]!, leaseMs: 600_000 })
await queue.start()
const forever = setInterval(() => {}, 1_000)
await queue
  .consume('index', async ({ items }) => {
    writeSync(1, `${items.map(({ id }) => id).join(' ')}\n`)
    await new Promise(() => forever.ref())
  })
  .start()
