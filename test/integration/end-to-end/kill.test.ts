import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'
import { createSqliteSearchStore } from '../../../backends/sqlite/search-store.ts'
import { readText } from '../../../core/batch/batch.ts'
import { openBatch } from '../../../core/batch/seal.ts'
import { DOCUMENT_FIELDS } from '../../../core/fields/document-fields.ts'
import { docsOf } from '../../../core/model/index-item.ts'
import type { Item, Topic } from '../../../core/model/queue.ts'
import type { DocKind } from '../../../core/model/search-store.ts'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'

const missing = await captureMissing()
const KILLS = Number(process.env.SEAMARK_TEST_KILLS ?? 50)
const FOLDER = '/tmp/seamark-kill/'
const RULE = `
- rule: numbered
  desc: every numbered call
  condition: evt.type in (open, openat) and fd.name startswith ${FOLDER}
  output: opened %fd.name
  priority: notice
`

/** Opens a new number every few ms until it is ended, and says the last one. */
const LOAD = `
const fs = require('node:fs'); let n = 0;
const next = () => { for (let i = 0; i < 2; i++) { try { fs.closeSync(fs.openSync('${FOLDER}' + n++, 'r')) } catch {} } };
setInterval(next, 5)
`

describe.skipIf(missing !== null)(`a process that is killed${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-kill-'))
  const dataDir = join(scratch, 'data')
  const rules = join(scratch, 'rules.yaml')
  let load: ChildProcess | null = null
  let seamark: RunningSeamark | null = null

  afterAll(async () => {
    load?.kill('SIGKILL')
    await seamark?.end('SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
    rmSync(FOLDER, { recursive: true, force: true })
  })

  test(`loses nothing it had acknowledged and stores no detection twice, over ${KILLS} kills at random points`, {
    timeout: 900_000,
  }, async () => {
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(rules, RULE)
    load = spawn(process.execPath, ['-e', LOAD], { stdio: 'ignore' })
    const seed = Math.floor(Math.random() * 2 ** 31)
    process.stdout.write(`kill test: seed ${seed}\n`)
    const random = generator(seed)
    const acknowledged = new Set<string>()
    for (let kill = 0; kill < KILLS; kill++) {
      seamark = await new RunningSeamark({ dataDir, args: ['--no-builtin-rules', '--rules', rules] }).start()
      await delay(20 + random() * 600)
      expect(await seamark.end('SIGKILL')).toBe('SIGKILL')
      for (const path of await onDisk(dataDir, scratch)) acknowledged.add(path)
    }
    load.kill('SIGKILL')
    load = null
    expect(acknowledged.size).toBeGreaterThan(KILLS)

    seamark = await new RunningSeamark({ dataDir, args: ['--no-builtin-rules', '--rules', rules] }).start()
    await drained(dataDir, scratch)
    expect(await seamark.end('SIGTERM')).toBe(0)
    const events = await storedPaths(dataDir, 'event')
    const detections = await storedPaths(dataDir, 'detection')
    const lost = [...acknowledged].filter((path) => !events.includes(path))
    expect(lost).toEqual([])
    expect(events.length, 'events stored twice').toBe(new Set(events).size)
    expect(detections.length, 'detections stored twice').toBe(new Set(detections).size)
    expect(new Set(detections)).toEqual(new Set(events))
  })
})

/** Numbered paths that are durable in the queue at this moment: waiting to be judged, or to be stored. */
async function onDisk(dataDir: string, scratch: string): Promise<string[]> {
  const paths: string[] = []
  for (const item of await pending(dataDir, scratch, ['batches', 'index'])) {
    if (item.payload.length === 0 || docsOf(item) !== null) continue
    const { batch } = openBatch(item.payload)
    const table = batch.tables.file
    for (let row = 0; row < (table?.rowCount ?? 0); row++) {
      const path = readText(batch, table!, row, 'path') ?? readText(batch, table!, row, 'rawPath')
      if (path?.startsWith(FOLDER)) paths.push(path)
    }
  }
  return paths
}

/** Everything that waits in a copy of the queue, as the dead process left it. */
async function pending(dataDir: string, scratch: string, topics: Topic[]): Promise<Item[]> {
  const copy = join(scratch, 'copy')
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(dataDir, 'queue'), copy, { recursive: true })
  const queue = createSqliteQueue({ directory: copy, leaseMs: 1 })
  await queue.start()
  const items: Item[] = []
  for (const topic of topics) {
    const consumer = queue.consume(topic, async (delivery) => void items.push(...delivery.items))
    await consumer.start()
    while ((await queue.depth(topic)).items > 0) await delay(10)
    await consumer.stop(1_000)
  }
  await queue.stop(0)
  return items
}

async function drained(dataDir: string, scratch: string): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    await delay(300)
    const waiting = await pending(dataDir, scratch, [
      'batches',
      'detections',
      'index',
      'notify/terminal',
      'notify/file',
    ])
    quiet = waiting.some((item) => (item.header?.rows ?? 1) > 0) ? 0 : quiet + 1
  }
}

async function storedPaths(dataDir: string, kind: DocKind): Promise<string[]> {
  const store = createSqliteSearchStore({ directory: join(dataDir, 'store'), fields: DOCUMENT_FIELDS, readOnly: true })
  await store.start()
  const paths: string[] = []
  let cursor: string | undefined
  do {
    const page = await store.search({ kind, limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
    for (const { body } of page.hits) {
      const path = (body.file as { path?: string } | undefined)?.path
      if (path?.startsWith(FOLDER)) paths.push(path)
    }
    cursor = page.next
  } while (cursor !== undefined)
  await store.stop(1_000)
  return paths
}

/** A small generator with a seed, so that a failing run can be repeated: mulberry32. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
