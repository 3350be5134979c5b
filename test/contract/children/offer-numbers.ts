/** Offers numbered items as fast as it can and prints each number once it is acknowledged; meant to be killed. */
import { writeSync } from 'node:fs'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'

const [directory, first] = process.argv.slice(2)
const queue = createSqliteQueue({ directory: directory! })
await queue.start()
// Two lanes, so that group commits are cut through as well; numbers that were offered before are offered again.
await Promise.all(
  [0, 1].map(async (lane) => {
    const start = Math.max(0, Number(first) - (Number(first) % 2) - 20)
    for (let n = start + lane; ; n += 2) {
      const payload = Buffer.alloc(1 + (n % 5_000), n % 251)
      const at = n < Number(first) ? [] : [{ source: `lane-${lane}`, position: `${n}` }]
      await queue.offer('batches', [{ id: `${n}`, class: 'routine', payload }], at)
      writeSync(1, `${n}\n`)
    }
  }),
)
