/** Events that carry a number, the rule that some of them match, and the spool they go through. */
import { join } from 'node:path'
import { createSqliteQueue, type SqliteQueue } from '../../backends/sqlite/queue.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { sealBatch } from '../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import type { BatchHeader } from '../../core/model/batch.ts'
import type { Item } from '../../core/model/queue.ts'

/** Name of the checkpoint that says how far the numbering has come. */
export const NUMBERS_SOURCE = 'numbers'
/** Every so many events one matches the rule. */
export const ALARM_EVERY = 50
/** Alarms are grouped by container, so that counts are of several alerts. */
export const CONTAINERS = 8
const FOLDER = '/numbered'

/** One rule for numbered hosts, one for the files that are opened on a watched one. */
export const chaosRules = (watchedFolder: string) => `
- rule: numbered.alarm
  desc: a numbered event that is to be detected
  condition: evt.type = openat and fd.name startswith ${FOLDER}/alarm/
  output: alarm %fd.name
  priority: Warning
- rule: watched.open
  desc: a file of the chaos run was opened
  condition: evt.type in (open, openat, openat2) and fd.name startswith ${watchedFolder}/
  output: opened %fd.name
  priority: Notice
`

/** The number in a path of either rule; null for another path. */
export function numberIn(path: string | undefined): number | null {
  const found = /\/(\d{9})$/.exec(path ?? '')
  return found === null ? null : Number(found[1])
}

export function fileNameOf(number: number): string {
  return String(number).padStart(9, '0')
}

export function alarmsUpTo(number: number): number {
  return Math.floor(number / ALARM_EVERY)
}

/** The numbers `from` to `to`, both included, as one item of the topic `batches`. */
export function numberedBatch(
  collector: string,
  sequence: number,
  from: number,
  to: number,
  timeMs: number = Date.now(),
): Item {
  const nowNs = BigInt(timeMs) * 1_000_000n
  const builder = new BatchBuilder(nowNs)
  const processes = Array.from({ length: CONTAINERS }, (_, i) => {
    const container = builder.add('container', { containerId: String(i).repeat(64), containerName: `numbered-${i}` })
    return builder.add('process', { pid: 100 + i, comm: 'counter', container })
  })
  for (let number = from; number <= to; number++) {
    const kind = number % ALARM_EVERY === 0 ? 'alarm' : 'event'
    builder.addEvent('file', nowNs + BigInt(number - from), {
      type: EVENT_TYPES.openat.code,
      process: processes[Math.floor(number / ALARM_EVERY) % CONTAINERS]!,
      ret: 3,
      fd: 3,
      path: `${FOLDER}/${kind}/${fileNameOf(number)}`,
    })
  }
  const header: BatchHeader = {
    collector,
    epoch: 'numbers',
    sequence,
    lowMs: {},
    dropped: {},
    plan: '',
    edgeRuleset: '',
    class: 'evidence',
    rows: to - from + 1,
  }
  const { bytes } = sealBatch(header, builder.build())
  return { id: `${collector}/numbers/${sequence}`, class: 'evidence', header, payload: bytes }
}

export function openNumberedSpool(directory: string): SqliteQueue {
  return createSqliteQueue({ directory: join(directory, 'spool'), backoffMs: { first: 100, most: 2_000 } })
}

/** What a spool acknowledged: the last number that is on disk in it. */
export async function acknowledged(directory: string): Promise<number> {
  const queue = openNumberedSpool(directory)
  await queue.start()
  try {
    const position = (await queue.checkpoint(NUMBERS_SOURCE))?.position
    return position === undefined ? 0 : (JSON.parse(position) as { number: number }).number
  } finally {
    await queue.stop(1_000)
  }
}
