/**
 * A host that makes numbered events instead of watching a kernel; everything behind them is real: sealed batches in the
 * spool on disk, and the shipper that sends them. It may be killed at any moment and resumes its numbering where its
 * spool acknowledged it. The one argument is a NumberedHostConfig in JSON; every line it prints is a NumberedHostLine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { enrol, readCredentials } from '../../collector/central/enrolment.ts'
import { IngestClient } from '../../collector/central/ingest-client.ts'
import { Shipper } from '../../collector/central/shipper.ts'
import { Conditions } from '../../core/health/conditions.ts'
import { AppError } from '../../core/model/errors.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { NUMBERS_SOURCE, numberedBatch, openNumberedSpool } from './numbered-events.ts'

export interface NumberedHostConfig {
  collector: string
  directory: string
  url: string
  token: string
  /** Numbers it makes before it rests. */
  total: number
  rowsPerBatch: number
  pauseMs: number
}

export type NumberedHostLine =
  /** Where it begins: what its spool acknowledged. */
  | { kind: 'resumed'; at: number }
  /** About to offer the numbers up to this one to its spool. */
  | { kind: 'made'; to: number }
  /** All of them were made and taken by ingest. */
  | { kind: 'shipped' }

const config = JSON.parse(process.argv[2] ?? '{}') as NumberedHostConfig
const say = (line: NumberedHostLine) => process.stdout.write(`${JSON.stringify(line)}\n`)
const metrics = new Metrics()
const logger = createLogger({ level: 'warn', component: 'numbered-host' })

const queue = openNumberedSpool(config.directory)
await queue.start()
const path = `${config.directory}/agent.json`
const stranger = new IngestClient({ url: config.url })
let credentials = readCredentials(path)
while (credentials === null) {
  try {
    credentials = await enrol(stranger, path, config.token, config.collector)
  } catch (error) {
    if (!(error instanceof AppError) || !error.retryable) throw error
    await sleep(200)
  }
}
stranger.close()
const client = new IngestClient({ url: config.url, key: credentials.key, timeoutMs: 10_000 })
await new Shipper({ queue, client, conditions: new Conditions({ metrics }), metrics, logger }).start()

const position = (await queue.checkpoint(NUMBERS_SOURCE))?.position
let { number, sequence } = JSON.parse(position ?? '{"number":0,"sequence":0}') as { number: number; sequence: number }
say({ kind: 'resumed', at: number })
while (number < config.total) {
  const to = Math.min(config.total, number + config.rowsPerBatch)
  say({ kind: 'made', to })
  const item = numberedBatch(config.collector, sequence + 1, number + 1, to)
  const at = { source: NUMBERS_SOURCE, position: JSON.stringify({ number: to, sequence: sequence + 1 }) }
  if ((await queue.offer('batches', [item], [at])) === 'stored') {
    number = to
    sequence += 1
  }
  await sleep(config.pauseMs)
}
while ((await queue.depth('batches')).items > 0) await sleep(100)
say({ kind: 'shipped' })
// It stays, as hosts do.
setInterval(() => {}, 60_000)
