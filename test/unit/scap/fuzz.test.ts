/**
 * Captures altered at random: each is read to its end or is damaged, and what was read before the damage is judged.
 * SEAMARK_FUZZ_RUNS says how many (a few by default), SEAMARK_FUZZ_SEED where to begin.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { BlockReader } from '../../../collector/sources/scap/blocks.ts'
import { CaptureDecoder } from '../../../collector/sources/scap/capture-decoder.ts'
import { Damage } from '../../../collector/sources/scap/damage.ts'
import { EVENT_KINDS } from '../../../collector/sources/scap/event-table.ts'
import { readProcessList } from '../../../collector/sources/scap/process-list.ts'
import { type Batch, eventRows } from '../../../core/batch/batch.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { pick, type Random } from '../../oracle/random-batch.ts'
import { seeded } from '../../support/random.ts'
import {
  block,
  descriptorBlock,
  eventBlock,
  ipv4Tuple,
  processBlock,
  sectionBlock,
  u32,
  userBlock,
} from './capture-writer.ts'
import { recordedTraces, tracePath } from './recorded-events.ts'

const RUNS = Number(process.env.SEAMARK_FUZZ_RUNS ?? 2_500)
const SEED = Number(process.env.SEAMARK_FUZZ_SEED ?? 1)
/** Judging costs more than reading. */
const JUDGED_EVERY = 20

const RULES = `
- rule: everything
  desc: reads what it can
  condition: >
    evt.num > 0 and (fd.name glob "*/x*" or proc.aname contains b or proc.cmdline startswith bash or evt.args contains "=" or
    fd.net in (10.0.0.0/8) or container.mounts contains "/" or user.name = ann or fs.path.target startswith "/")
  output: "%evt.time %evt.args %proc.aname[2] %fd.name %container.name %proc.duration %proc.exe_ino.ctime"
  priority: INFO
`

/** Every kind of event there is, with parameters of about the right shape. */
function allEvents(): Buffer[] {
  const tuple = ipv4Tuple(['10.0.0.1', 4000], ['10.0.0.2', 443])
  const shapes: Record<string, Buffer | string | number> = {
    tuple,
    addr: tuple.subarray(0, 7),
    flags: u32(1),
    mode: u32(0o644),
    uid: u32(5),
    gid: u32(5),
    fd: 5,
    dirfd: -100,
    tid: 10,
    pid: 10,
    ptid: 1,
    res: 0,
    json: '{"container":{"id":"0123456789ab","name":"web","Mounts":[]}}',
  }
  const text = /name|path|comm|exe|args|cwd|env|cgroups|target|text|uargs|dev|data|dir$/
  return [...EVENT_KINDS].map(([code, { parameters }]) =>
    eventBlock({
      code,
      tid: 10,
      timeNs: 1_700_000_000_000_000_000n,
      parameters: parameters.map((name) => shapes[name] ?? (text.test(name) ? `/x/${name}` : 1)),
    }),
  )
}

const MACHINE = [
  sectionBlock(),
  userBlock([[5, 'ann']]),
  processBlock([
    { tid: 1, ptid: 0, comm: 'init' },
    { tid: 10, comm: 'bash', uid: 5, cgroups: `cpu=/docker/${'ab'.repeat(32)}\0` },
  ]),
  descriptorBlock(10, [[5, '/srv']]),
]

/** The blocks of a recorded trace, with lists cut down: most of a capture is its list of processes. */
function recordedBlocks(trace: string): Buffer[] {
  const reader = new BlockReader()
  reader.push(gunzipSync(readFileSync(tracePath(trace))))
  const blocks: Buffer[] = []
  const counts = new Map<string, number>()
  for (let next = reader.next(); next !== null; next = reader.next()) {
    const seen = counts.get(next.kind) ?? 0
    counts.set(next.kind, seen + 1)
    if (seen >= (next.kind === 'event' ? 400 : 2) || (next.kind === 'event' && next.content.readUInt16LE(22) === 234))
      continue
    let content: Buffer = Buffer.from(next.content)
    if (next.kind === 'processes') content = cutList(next.type, content)
    blocks.push(block(next.type, content))
  }
  return blocks
}

/** As many whole entries as fit into a few thousand bytes. */
function cutList(type: number, content: Buffer): Buffer {
  for (let length = 4_000; length > 0; length--) {
    try {
      readProcessList({ type, kind: 'processes', offset: 0, content: content.subarray(0, length) }, () => {})
      return Buffer.from(content.subarray(0, length))
    } catch {
      // Cut within an entry.
    }
  }
  return Buffer.alloc(0)
}

const SEEDS: readonly (readonly Buffer[])[] = [[...MACHINE, ...allEvents()], ...recordedTraces().map(recordedBlocks)]
const EXTREMES = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff]

function altered(random: Random, blocks: readonly Buffer[]): Buffer {
  const chosen: Buffer[] = blocks
    .filter((_, i) => i < MACHINE.length || random() < 0.3)
    .map((bytes) => Buffer.from(bytes))
  const changes = 1 + Math.floor(random() * 4)
  for (let i = 0; i < changes; i++) {
    const bytes = pick(random, chosen)
    const at = Math.floor(random() * bytes.length)
    const kind = random()
    if (kind < 0.3) bytes[at] = Math.floor(random() * 256)
    else if (kind < 0.6 && at + 4 <= bytes.length) bytes.writeUInt32LE(pick(random, EXTREMES), at)
    else if (kind < 0.8 && at + 2 <= bytes.length) bytes.writeUInt16LE(pick(random, EXTREMES) & 0xffff, at)
    else if (kind < 0.87) chosen.splice(Math.floor(random() * chosen.length), 0, pick(random, chosen))
    else if (kind < 0.94 && bytes.length > 24) {
      // A block of another length that agrees with itself.
      const content = bytes.subarray(8, 8 + Math.floor(random() * (bytes.length - 12)))
      chosen[chosen.indexOf(bytes)] = block(bytes.readUInt32LE(0), Buffer.from(content))
    } else chosen[chosen.indexOf(bytes)] = block(pick(random, BLOCK_TYPES), Buffer.from(bytes.subarray(8, -4)))
  }
  const whole = Buffer.concat(chosen)
  return random() < 0.2 ? whole.subarray(0, Math.floor(random() * whole.length)) : whole
}

const BLOCK_TYPES = [
  0x202, 0x207, 0x209, 0x210, 0x212, 0x214, 0x215, 0x203, 0x218, 0x205, 0x219, 0x206, 0x220, 0x204, 0x217, 0x221, 0x222,
]

/** Reads in pieces of whatever size. */
function readAll(random: Random, capture: Buffer): { batches: Batch[]; damage: Damage | null } {
  const decoder = new CaptureDecoder()
  const batches: Batch[] = []
  let damage: Damage | null = null
  try {
    for (let at = 0; at < capture.length; ) {
      const size = 1 + Math.floor(random() * capture.length)
      batches.push(...decoder.push(capture.subarray(at, at + size)))
      at += size
    }
    decoder.end()
  } catch (error) {
    if (!(error instanceof Damage)) throw error
    damage = error
  }
  batches.push(...decoder.finish())
  return { batches, damage }
}

test(`${RUNS} altered captures are read or refused`, { timeout: 60_000 + RUNS * 10 }, () => {
  const { ruleSet, problems } = loadRuleSet([{ name: 'fuzz.yaml', text: RULES }], { ruleMatching: 'all' })
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  const context = { hostname: 'h', collector: 'h', idOf: () => 'id', day: () => ({ day: '2023-11-14', part: 0 }) }
  let damaged = 0
  let events = 0
  let detections = 0
  for (let run = 0; run < RUNS; run++) {
    const random = seeded(SEED + run)
    const capture = altered(random, pick(random, SEEDS))
    try {
      const { batches, damage } = readAll(random, capture)
      if (damage !== null) {
        damaged++
        expect(damage.offset).toBeGreaterThanOrEqual(0)
        expect(damage.offset).toBeLessThanOrEqual(capture.length)
      }
      for (const batch of batches) {
        events += eventRows(batch)
        if (run % JUDGED_EVERY !== 0) continue
        for (const match of ruleSet!.detect(batch)) {
          ruleSet!.detection(batch, match, context)
          detections++
        }
      }
    } catch (error) {
      throw new Error(`seed ${SEED + run}`, { cause: error })
    }
  }
  console.log(`${RUNS} captures, ${damaged} damaged, ${events} events, ${detections} detections`)
  expect(damaged).toBeGreaterThan(RUNS / 10)
  expect(damaged).toBeLessThan(RUNS)
  expect(detections).toBeGreaterThan(0)
})
