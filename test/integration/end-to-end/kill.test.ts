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
import { batchesOf, docsOf } from '../../../core/model/index-item.ts'
import type { Item, Topic } from '../../../core/model/queue.ts'
import type { DocKind } from '../../../core/model/search-store.ts'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'

const missing = await captureMissing()
const KILLS = Number(process.env.SEAMARK_TEST_KILLS ?? 50)
/** Two at a time, each with data of its own: starting is most of the work, and there are two processors at least. */
const VICTIMS = 2
const OPENS = '/tmp/seamark-kill/'

/** Opens a new number every few ms in the folder it is given, until it is ended. */
const LOAD = `
const fs = require('node:fs'); let n = 0;
const next = () => { for (let i = 0; i < 2; i++) { try { fs.closeSync(fs.openSync(process.argv[1] + n++, 'r')) } catch {} } };
setInterval(next, 5)
`

describe.skipIf(missing !== null)(`a process that is killed${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-kill-'))
  const victims = Array.from(
    { length: VICTIMS },
    (_, index) => new Victim(join(scratch, `${index}`), `${OPENS}${index}/`),
  )

  afterAll(async () => {
    for (const victim of victims) await victim.remove()
    rmSync(scratch, { recursive: true, force: true })
    rmSync(OPENS, { recursive: true, force: true })
  })

  test(`loses nothing it had acknowledged and stores no detection twice, over ${KILLS} kills at random points`, {
    timeout: 900_000,
  }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    process.stdout.write(`kill test: seed ${seed}\n`)
    await Promise.all(
      victims.map(async (victim, index) => {
        const random = generator(seed + index)
        for (let kill = index; kill < KILLS; kill += VICTIMS) await victim.runAndKill(20 + random() * 600)
      }),
    )
    for (const victim of victims) {
      victim.endLoad()
      expect(victim.acknowledged.size).toBeGreaterThan(KILLS / VICTIMS)
      expect(await victim.drain()).toBe(0)
      const events = await victim.stored('event')
      const detections = await victim.stored('detection')
      expect([...victim.acknowledged].filter((path) => !events.includes(path))).toEqual([])
      expect(events.length, 'events stored twice').toBe(new Set(events).size)
      expect(detections.length, 'detections stored twice').toBe(new Set(detections).size)
      expect(new Set(detections)).toEqual(new Set(events))
    }
  })
})

/** A Seamark that watches numbered opens of a folder of its own, and what it had acknowledged whenever it died. */
class Victim {
  readonly acknowledged = new Set<string>()
  private readonly folder: string
  private readonly opens: string
  private readonly load: ChildProcess
  private seamark: RunningSeamark | null = null

  constructor(folder: string, opens: string) {
    this.folder = folder
    this.opens = opens
    mkdirSync(opens, { recursive: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'rules.yaml'), numberedRule(opens))
    this.load = spawn(process.execPath, ['-e', LOAD, opens], { stdio: 'ignore' })
  }

  async runAndKill(afterMs: number): Promise<void> {
    this.seamark = await this.started()
    await delay(afterMs)
    expect(await this.seamark.end('SIGKILL')).toBe('SIGKILL')
    for (const path of await onDisk(this.folder, this.opens)) this.acknowledged.add(path)
  }

  /** Lets a last one finish what waits; gives its exit code. */
  async drain(): Promise<number | string> {
    this.seamark = await this.started()
    await drained(this.folder)
    return this.seamark.end('SIGTERM')
  }

  stored(kind: DocKind): Promise<string[]> {
    return storedPaths(join(this.folder, 'data'), this.opens, kind)
  }

  endLoad(): void {
    this.load.kill('SIGKILL')
  }

  async remove(): Promise<void> {
    this.endLoad()
    await this.seamark?.end('SIGKILL')
  }

  private started(): Promise<RunningSeamark> {
    const args = ['--no-builtin-rules', '--rules', join(this.folder, 'rules.yaml')]
    return new RunningSeamark({ dataDir: join(this.folder, 'data'), args }).start()
  }
}

function numberedRule(opens: string): string {
  return `
- rule: numbered
  desc: every numbered call
  condition: evt.type in (open, openat) and fd.name startswith ${opens}
  output: opened %fd.name
  priority: notice
`
}

/** Numbered paths that are durable in the queue at this moment: waiting to be judged, or to be stored. */
async function onDisk(folder: string, opens: string): Promise<string[]> {
  const paths: string[] = []
  for (const item of (await pending(folder, ['batches', 'index'])).flatMap(batchesOf)) {
    if (item.payload.length === 0 || docsOf(item) !== null) continue
    const { batch } = openBatch(item.payload)
    const table = batch.tables.file
    for (let row = 0; row < (table?.rowCount ?? 0); row++) {
      const path = readText(batch, table!, row, 'path') ?? readText(batch, table!, row, 'rawPath')
      if (path?.startsWith(opens)) paths.push(path)
    }
  }
  return paths
}

/** Everything that waits in a copy of the queue, as the dead process left it. */
async function pending(folder: string, topics: Topic[]): Promise<Item[]> {
  const copy = join(folder, 'copy')
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(folder, 'data/queue'), copy, { recursive: true })
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

async function drained(folder: string): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    await delay(300)
    const waiting = await pending(folder, ['batches', 'detections', 'index', 'notify/terminal', 'notify/file'])
    quiet = waiting.some((item) => (item.header?.rows ?? 1) > 0) ? 0 : quiet + 1
  }
}

async function storedPaths(dataDir: string, opens: string, kind: DocKind): Promise<string[]> {
  const store = createSqliteSearchStore({ directory: join(dataDir, 'store'), fields: DOCUMENT_FIELDS, readOnly: true })
  await store.start()
  const paths: string[] = []
  let cursor: string | undefined
  do {
    const page = await store.search({ kind, limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
    for (const { body } of page.hits) {
      const path = (body.file as { path?: string } | undefined)?.path
      if (path?.startsWith(opens)) paths.push(path)
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
