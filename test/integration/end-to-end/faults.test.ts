import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'
import { Engine } from '../../../collector/docker/engine.ts'
import type { Failure, Item } from '../../../core/model/queue.ts'
import { createContainer, dockerMissing, removeContainer, startContainer, testImage } from '../../support/docker.ts'
import { captureMissing, RunningSeamark, runSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const captureGap = await captureMissing()
const skipped = (reason: string | null) => (reason === null ? '' : ` (skipped: ${reason})`)
const SLOW_MS = 60_000

interface EventBody {
  '@timestamp': string
  message?: string
  file?: { path?: string }
  docker?: { action?: string }
  container?: { name?: string }
  event: { action: string }
  seamark: { source: string }
}

const scratch = mkdtempSync(join(tmpdir(), 'seamark-faults-'))
const running: RunningSeamark[] = []
const children: ChildProcess[] = []
const mounts: string[] = []

const launch = (options: ConstructorParameters<typeof RunningSeamark>[0]) => {
  const seamark = new RunningSeamark(options)
  running.push(seamark)
  return seamark.start()
}
const configWith = (text: string) => {
  const path = join(mkdtempSync(join(scratch, 'config-')), 'seamark.yml')
  writeFileSync(path, text)
  return path
}
const healthOf = async (seamark: RunningSeamark) =>
  (await seamark.all('events', 'seamark.source: health')).map(({ body }) => body as unknown as EventBody)

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const seamark of running.splice(0)) await seamark.end('SIGKILL')
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount])
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Calls that carry numbers, so that a lost one has a name. Says how far it is. */
function startNumbers(folder: string): { last: () => number; end: () => void } {
  mkdirSync(folder, { recursive: true })
  const script = `
    const fs = require('node:fs'); let n = 0
    setInterval(() => { try { fs.openSync('${folder}/' + n, 'r') } catch {} process.stdout.write(n++ + '\\n') }, 20)`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let last = -1
  child.stdout!.on('data', (chunk: Buffer) => {
    last = Number(chunk.toString().trimEnd().split('\n').at(-1))
  })
  return { last: () => last, end: () => void child.kill('SIGKILL') }
}

describe.skipIf(captureGap !== null)(`a full disk${skipped(captureGap)}`, () => {
  test('is said, takes nothing that is acknowledged, and is got over without a restart', async () => {
    const mount = mkdtempSync(join(scratch, 'small-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'seamark-test', mount])
    mounts.push(mount)
    const folder = join(scratch, 'numbers')
    const rules = join(scratch, 'numbers.yaml')
    writeFileSync(
      rules,
      `- rule: numbered\n  desc: every numbered call\n  condition: evt.type in (open, openat) and fd.name startswith ${folder}/\n  output: opened %fd.name\n  priority: Notice\n`,
    )
    const seamark = await launch({ dataDir: join(mount, 'data'), args: ['--no-builtin-rules', '--rules', rules] })
    const numbers = startNumbers(folder)
    const numberOf = (path: string | undefined) => Number(path?.slice(folder.length + 1))
    const stored = async () =>
      (await seamark.all('events', 'event.action: (open or openat)'))
        .map(({ body }) => numberOf((body as unknown as EventBody).file?.path))
        .filter((number) => !Number.isNaN(number))
    await until('the first numbers', () => numbers.last() > 20)
    const before = numbers.last()
    await until('them to be stored', async () => (await stored()).includes(before), SLOW_MS)

    const ballast = openSync(join(mount, 'ballast'), 'w')
    const fill = () => {
      for (const block of [Buffer.alloc(1024 * 1024, 1), Buffer.alloc(4096, 1)]) {
        try {
          for (;;) writeSync(ballast, block)
        } catch {
          // Full, to the size of a block.
        }
      }
    }
    // The queue may give up its reserve at first: that, too, is filled.
    await until(
      'a refused batch',
      async () => {
        fill()
        return (await seamark.metric('seamark_collector_refused_batches_total{reason="E_QUEUE_STORAGE"}')) > 0
      },
      SLOW_MS,
    )
    expect(await seamark.metric('seamark_queue_storage_errors_total')).toBeGreaterThan(0)
    expect(seamark.errors.join('\n')).toContain('The queue cannot write; nothing is acknowledged until it can')
    const batches = () => seamark.metric('seamark_collector_batches_total')
    const whileFull = numbers.last()
    // One comes every 20 ms. A few may still fit where the queue finds room within its own files.
    await until(
      'nearly nothing to be acknowledged',
      async () => {
        fill()
        const acknowledged = await batches()
        await delay(1_500)
        return (await batches()) - acknowledged < 20
      },
      SLOW_MS,
    )
    expect((await fetch(`${seamark.address}/healthz`)).status).toBe(200)

    closeSync(ballast)
    rmSync(join(mount, 'ballast'))
    const freed = numbers.last()
    await until('the store to go on', async () => (await stored()).some((number) => number > freed), SLOW_MS)
    numbers.end()
    // What could not be handed on waited in the kernel's ring, or its loss is an event.
    const kept = await until(
      'every number to be stored, or its loss to be told',
      async () => {
        const found = await stored()
        const seen = new Set(found)
        const missing = Array.from({ length: freed }, (_, number) => number).filter((number) => !seen.has(number))
        const isTold = (await healthOf(seamark)).some(({ message }) => message?.includes('were lost'))
        return missing.length === 0 || (isTold && missing[0]! > before) ? found : null
      },
      // What was refused often is tried again after up to a minute.
      2 * SLOW_MS,
    )
    expect(new Set(kept).size).toBe(kept.length)
    const sent = await seamark.metric('seamark_capture_sent_events_total')
    expect(sent).toBeGreaterThan(kept.length)
    expect(await seamark.metric('seamark_capture_received_events_total')).toBeGreaterThan(kept.length)
    for (const reason of ['malformed', 'version', 'kind'])
      expect(await seamark.metric(`seamark_capture_malformed_records_total{reason="${reason}"}`)).toBe(0)
    expect(whileFull).toBeGreaterThan(before)
    expect(await seamark.end('SIGTERM')).toBe(0)
  })
})

describe('a corrupt batch in the queue', () => {
  test('ends in `dead` with its reason and is counted; what is behind it goes on', async () => {
    const dataDir = mkdtempSync(join(scratch, 'corrupt-'))
    const config = configWith('docker: {enabled: false, socket: /nowhere}\ncapture: {enabled: false}\n')
    expect(await (await launch({ dataDir, args: ['--config', config] })).end('SIGTERM')).toBe(0)
    const directory = join(dataDir, 'queue')
    const queue = createSqliteQueue({ directory })
    await queue.start()
    const item = (id: string, payload: Uint8Array): Item => ({ id, class: 'routine', payload })
    const hostile = ['SMB1', 'SMB1'.padEnd(40, '\u0000'), 'x'.repeat(10_000), '{"kind":"event"}']
    expect(
      await queue.offer(
        'batches',
        hostile.map((text, i) => item(`bad/${i}`, Buffer.from(text))),
      ),
    ).toBe('stored')
    await queue.stop(0)

    const seamark = await launch({ dataDir, args: ['--config', config] })
    const corrupt = 'seamark_analyzer_corrupt_batches_total'
    await until('all of them to be set aside', async () => (await seamark.metric(corrupt)) === hostile.length)
    const kept = 'seamark_dead_letters_total{topic="batches"}'
    await until('all of them to be kept', async () => (await seamark.metric(kept)) === hostile.length)
    await until('heartbeats behind them', async () => {
      const received = await seamark.metric('seamark_analyzer_received_batches_total')
      return received > hostile.length && (await seamark.metric('seamark_queue_items{topic="batches"}')) <= 1
    })
    expect(await seamark.end('SIGTERM')).toBe(0)

    const letters = (await runSeamark(['deadletters', 'list', '--json', '--data-dir', dataDir])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; id: string; failure: Failure })
    for (const [i, text] of hostile.entries()) {
      const letter = letters.find(({ id }) => id === `batches/bad/${i}`)
      expect(letter?.failure).toMatchObject({ topic: 'batches', code: 'E_BATCH_CORRUPT', attempts: 1 })
      expect(letter?.failure.message).toMatch(/^Batch refused: /)
      const shown = await runSeamark(['deadletters', 'show', letter!.key, '--json', '--data-dir', dataDir])
      expect(Buffer.from(JSON.parse(shown.stdout).payload, 'base64').toString()).toBe(text)
    }
  })
})

describe('without a Docker socket', () => {
  const config = configWith('docker: {socket: /nowhere/docker.sock}\n')

  test.skipIf(captureGap !== null)(
    `system-call rules fire, and an alert says that Docker is blind${skipped(captureGap)}`,
    async () => {
      const rules = join(scratch, 'touch.yaml')
      const name = `seamark-blind-${process.pid}`
      writeFileSync(
        rules,
        `- rule: touched\n  desc: a call\n  condition: evt.type = execve and proc.args contains ${name}\n  output: touched %proc.args\n  priority: Notice\n`,
      )
      const seamark = await launch({ args: ['--config', config, '--rules', rules] })
      execFileSync('/bin/true', [name])
      await until('the alert of a system call', () => seamark.alerts.find(({ rule }) => rule === 'touched'))
      const blind = await until('the health alert', () =>
        seamark.alerts.find(({ rule }) => rule === 'health.source-not-seeing'),
      )
      expect(blind.output).toContain('Docker events are blind')
      expect(blind.output).toContain('/nowhere/docker.sock')
      expect(await seamark.metric('seamark_source_up{source="docker-events"}')).toBe(0)
      expect(await seamark.metric('seamark_source_up{source="syscall"}')).toBe(1)
    },
  )

  test('doctor says why and how to mend it, and exits with 1', async () => {
    const { code, stdout, stderr } = await runSeamark(['doctor', '--config', config])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toMatch(
      /BLIND {2}Docker events, container names and images\n +why: .*\/nowhere\/docker\.sock.*\n +fix: Install and start Docker/,
    )
    const asJson = await runSeamark(['doctor', '--config', config, '--json'])
    const lines = asJson.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { source: string; blind: unknown[] })
    expect(lines.find(({ source }) => source === 'docker-events')?.blind).toHaveLength(1)
  })
})

const isRoot = process.getuid?.() === 0
describe.skipIf(!isRoot)(`without privileges${isRoot ? '' : ' (skipped: needs root to give privileges up)'}`, () => {
  const NOBODY = 65534

  test('the API runs, a health event says that calls are not seen, and doctor says why', async () => {
    const dataDir = mkdtempSync(join(scratch, 'nobody-'))
    chmodSync(scratch, 0o755)
    chownSync(dataDir, NOBODY, NOBODY)
    const config = configWith('docker: {socket: /nowhere/docker.sock}\n')
    for (const folder of [join(config, '..'), config]) chmodSync(folder, 0o755)
    const seamark = await launch({ dataDir, uid: NOBODY, args: ['--config', config] })
    const health = await until('both sources to be told blind', async () => {
      const found = await healthOf(seamark)
      return found.length >= 2 ? found : null
    })
    const messages = health.map(({ message }) => message).join('\n')
    expect(messages).toContain('syscall is blind: System calls cannot be captured: no privilege')
    expect(messages).toContain('Docker events are blind')
    expect(await seamark.metric('seamark_source_up{source="syscall"}')).toBe(0)
    expect(await seamark.end('SIGTERM')).toBe(0)

    const { code, stdout } = await runSeamark(['doctor', '--config', config, '--data-dir', dataDir], {}, NOBODY)
    expect(code).toBe(1)
    expect(stdout).toContain('why: no privilege to load programs into the kernel')
    expect(stdout).toContain('fix: run as root, or give CAP_BPF and CAP_PERFMON')
  })
})

const dockerGap = await dockerMissing()
describe.skipIf(dockerGap !== null)(`a Docker daemon that goes away${skipped(dockerGap)}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'seamark-dockerd-'))
  const socket = join(home, 'docker.sock')
  let daemon: ChildProcess | null = null

  const startDaemon = async () => {
    // A daemon without a bridge removes docker0, even another daemon's: it gets a network namespace of its own.
    daemon = spawn(
      'unshare',
      [
        ...['--net', 'dockerd'],
        ...['--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '--pidfile', join(home, 'pid')],
        ...[
          '-H',
          `unix://${socket}`,
          '--bridge=none',
          '--iptables=false',
          '--ip-forward=false',
          '--storage-driver=vfs',
        ],
      ],
      { stdio: 'ignore' },
    )
    const engine = new Engine({ socketPath: socket, timeoutMs: 30_000 })
    await until('the second daemon', () => engine.apiVersion().then(Boolean, () => false), SLOW_MS)
    return engine
  }
  const stopDaemon = async () => {
    const child = daemon
    daemon = null
    if (child === null || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  afterAll(async () => {
    await stopDaemon()
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })

  test('its events go on when it is back, and what the engine forgot is told as a gap', async () => {
    const spec = { HostConfig: { NetworkMode: 'none' } }
    let engine = await startDaemon()
    const image = await testImage(engine)
    const config = configWith(`docker: {socket: ${socket}}\ncapture: {enabled: false}\n`)
    const seamark = await launch({ args: ['--config', config] })
    const actionsOf = async (name: string) =>
      (await seamark.all('events', `container.name: "${name}"`))
        .map(({ body }) => body.event as { action: string })
        .map(({ action }) => action)
    const first = await createContainer(engine, image, spec)
    await startContainer(engine, first.id)
    await until('its start', async () => (await actionsOf(first.name)).includes('start'))

    await stopDaemon()
    await until('Docker to be told blind', async () =>
      (await healthOf(seamark)).some(({ message }) => message?.startsWith('Docker events are blind')),
    )
    expect(await seamark.metric('seamark_source_up{source="docker-events"}')).toBe(0)

    engine = await startDaemon()
    await until(
      'events to be read again',
      async () => (await seamark.metric('seamark_source_up{source="docker-events"}')) === 1,
      SLOW_MS,
    )
    const second = await createContainer(engine, image, spec)
    await startContainer(engine, second.id)
    await until('the start of another', async () => (await actionsOf(second.name)).includes('start'))
    // A daemon that was started anew remembers nothing of before.
    const gap = await until('the gap', async () =>
      (await healthOf(seamark)).find(({ message }) => message?.includes('may have been missed')),
    )
    expect(gap.event.action).toBe('docker.gap')
    await until('the alert about the gap', () => seamark.alerts.some(({ rule }) => rule === 'health.gap-in-sight'))
    for (const { id } of [first, second]) await removeContainer(engine, id)
  })
})
