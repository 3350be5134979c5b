/** What happens when there is too much, too slow, or too often: everything stays bounded and every loss is counted. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, test } from 'vitest'
import { findCgroupHierarchy } from '../../../collector/sources/syscalls/cgroup-hierarchy.ts'
import { readRecording } from '../../../collector/sources/syscalls/recording.ts'
import { SyscallSource } from '../../../collector/sources/syscalls/syscall-source.ts'
import type { AppError } from '../../../core/model/errors.ts'
import type { Emission } from '../../../core/model/source.ts'
import { buildTester, capture, freshFolder, planFor, removeFolders, rowsOf, whyNoCapture } from './capturing.ts'

const why = whyNoCapture()
const tester = why === null ? buildTester() : null
const reason = why ?? (tester === null ? 'no C compiler' : null)
if (reason !== null) console.warn(`capture limits not tested: ${reason}`)

const cgroupRoot = reason === null ? (findCgroupHierarchy().mountPoint ?? '') : ''
const made: string[] = []

function makeCgroup(name: string): { path: string; id: number } {
  const path = join(cgroupRoot, `seamark-test-${process.pid}-${name}`)
  mkdirSync(path)
  made.push(path)
  return { path, id: statSync(path).ino }
}

function everyCgroup(path: string): number[] {
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [statSync(path).ino, ...below.flatMap((entry) => everyCgroup(join(path, entry.name)))]
}

/** Runs a shell command in a cgroup and waits for its end. */
async function runIn(cgroup: { path: string }, command: string): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `echo $$ > ${cgroup.path}/cgroup.procs; ${command}`], { stdio: 'ignore' })
  await once(child, 'exit')
}

describe.skipIf(reason !== null)('live capture', () => {
  afterAll(() => {
    removeFolders()
    for (const path of made) rmdirSync(path)
  })

  test('that cannot keep up counts exactly what it lost', async () => {
    const rounds = 30_000
    const emissions: Emission[] = []
    const source = new SyscallSource({ bulkRingBytes: 64 * 1024, outstandingMax: 1 })
    const slowSink = {
      emit: async (emission: Emission) => {
        await delay(20)
        return emissions.push(emission) > 0
      },
    }
    const others = everyCgroup(cgroupRoot)
    const cgroup = makeCgroup('overflow')
    await source.start(slowSink, null, planFor(['openat'], { scope: 'containers' }))
    // Only the opens of this one cgroup reach the ring, so that what was made is known to the last one.
    for (const id of others) source.setCgroupVerdict(id, 'host')
    source.setCgroupVerdict(cgroup.id, 'container')
    await runIn(cgroup, `exec taskset -c 0 ${tester} opens /etc/hostname ${rounds}`)
    await delay(300)
    // A gap shows with the next event of the same CPU.
    await runIn(cgroup, `exec taskset -c 0 ${tester} opens /etc/os-release 1`)
    await delay(200)
    await source.stop(5000)
    const rows = emissions.flatMap((emission) => rowsOf(emission.batch))
    const received = rows.filter((row) => row.event === 'openat' && row.rawPath === '/etc/hostname').length
    const dropped = (name: string) => emissions.reduce((sum, emission) => sum + (emission.dropped?.[name] ?? 0), 0)
    const lost = dropped('ring_full_bulk')
    expect(lost).toBeGreaterThan(1000)
    expect(received).toBeGreaterThan(100)
    expect(received + lost + dropped('budget')).toBe(rounds)
    // Counted from both sides of the ring.
    expect(dropped('sequence_gap')).toBe(0)
    expect(source.stats()!.losses.gaps).toBe(lost)
    // Its birth and death travelled apart.
    expect(rows.filter((row) => row.event === 'execve' && row.rawPath === tester)).toHaveLength(2)
    expect(rows.some((row) => row.event === 'procexit' && row.by.comm === 'tester')).toBe(true)
  })

  test('of the scope `containers` still shows execs of the host, and nothing else of it', async () => {
    const folder = freshFolder()
    const others = everyCgroup(cgroupRoot)
    const { rows } = await capture(planFor(['openat'], { scope: 'containers' }), async (source) => {
      for (const id of others) source.setCgroupVerdict(id, 'host')
      execFileSync('/bin/cat', ['/etc/hostname'])
      writeFileSync(join(folder, 'x'), '')
    })
    expect(rows.filter((row) => row.event === 'execve' && row.argv === '/bin/cat\0/etc/hostname')).toHaveLength(1)
    expect(rows.filter((row) => row.event === 'openat' && row.rawPath === '/etc/hostname')).toHaveLength(0)
  })

  test('lets no cgroup push out the events of another, nor its own exec, connect and exit', async () => {
    const loud = makeCgroup('loud')
    const quiet = makeCgroup('quiet')
    const emissions: Emission[] = []
    const source = new SyscallSource({
      bulkRingBytes: 1024 * 1024,
      outstandingMax: 1,
      budgets: { file: { perSecond: 500, burst: 100 } },
    })
    const slowSink = {
      emit: async (emission: Emission) => {
        await delay(150)
        return emissions.push(emission) > 0
      },
    }
    await source.start(slowSink, null, planFor(['openat', 'connect']))
    const flood = runIn(loud, `exec ${tester} opens /etc/hostname 300000`)
    await delay(300)
    for (let i = 0; i < 10; i++) await runIn(quiet, `${tester} opens /etc/os-release 3; true`)
    await flood
    await runIn(loud, `${tester} network`)
    await delay(400)
    await source.stop(5000)
    const rows = emissions.flatMap((emission) => rowsOf(emission.batch))
    const dropped = (name: string) => emissions.reduce((sum, emission) => sum + (emission.dropped?.[name] ?? 0), 0)
    expect(dropped('budget')).toBeGreaterThan(10_000)
    const quietOpens = rows.filter((row) => row.by.cgroupId === quiet.id && row.rawPath === '/etc/os-release')
    expect(quietOpens).toHaveLength(30)
    const loudRows = rows.filter((row) => row.by.cgroupId === loud.id)
    expect(loudRows.filter((row) => row.event === 'execve' && row.rawPath === tester)).toHaveLength(2)
    expect(loudRows.filter((row) => row.event === 'procexit' && row.by.comm === 'tester')).toHaveLength(2)
    expect(loudRows.filter((row) => row.event === 'connect' && row.remoteIp === '127.0.0.1')).toHaveLength(2)
  })

  test('lets no flood of reads push out the opens, programs and rare calls by name of its own cgroup, nor what another does', async () => {
    const reader = buildTester('named')!
    const loud = makeCgroup('reading')
    const quiet = makeCgroup('calm')
    const emissions: Emission[] = []
    const source = new SyscallSource({
      bulkRingBytes: 1024 * 1024,
      outstandingMax: 1,
      budgets: { flood: { perSecond: 500, burst: 100 }, named: { perSecond: 500, burst: 100 } },
    })
    const slowSink = {
      emit: async (emission: Emission) => {
        await delay(150)
        return emissions.push(emission) > 0
      },
    }
    await source.start(slowSink, null, planFor(['read', 'process_vm_readv', 'openat']))
    const flood = runIn(loud, `exec ${reader} flood 400000`)
    await delay(300)
    for (let i = 0; i < 10; i++) await runIn(quiet, `${tester} opens /etc/os-release 3; true`)
    await flood
    await delay(400)
    await source.stop(5000)
    const rows = emissions.flatMap((emission) => rowsOf(emission.batch))
    const dropped = emissions.reduce((sum, emission) => sum + (emission.dropped?.budget ?? 0), 0)
    const loudRows = rows.filter((row) => row.by.cgroupId === loud.id)
    const reads = loudRows.filter((row) => row.event === 'read' && row.path === '/dev/zero')
    expect(reads.length).toBeGreaterThan(100)
    expect(dropped).toBeGreaterThan(10_000)
    expect(emissions.reduce((sum, emission) => sum + (emission.dropped?.ring_full_bulk ?? 0), 0)).toBe(0)
    expect(reads.length + dropped).toBeGreaterThanOrEqual(400_000)
    expect(rows.filter((row) => row.by.cgroupId === quiet.id && row.rawPath === '/etc/os-release')).toHaveLength(30)
    expect(loudRows.filter((row) => row.event === 'process_vm_readv')).toHaveLength(40)
    expect(loudRows.filter((row) => row.event === 'openat' && row.rawPath === '/etc/hostname')).toHaveLength(1)
    expect(loudRows.filter((row) => row.event === 'execve' && row.rawPath === '/bin/true')).toHaveLength(1)
  })

  test('shows cgroups as they are made, entered and removed', async () => {
    const name = `seamark-test-${process.pid}-life`
    const path = join(cgroupRoot, name)
    let id = 0
    const { emissions } = await capture(planFor([]), async () => {
      mkdirSync(path)
      id = statSync(path).ino
      await runIn({ path }, 'true')
      rmdirSync(path)
    })
    const changes = emissions.flatMap(({ batch }) => {
      const table = batch.tables.cgroups
      return Array.from({ length: table?.rowCount ?? 0 }, (_, i) => ({
        id: table!.columns.cgroupId![i],
        path: batch.strings.text(table!.columns.cgroupPath![i] as number),
        change: table!.columns.cgroupChange![i],
      }))
    })
    expect(changes.filter((change) => change.path === `/${name}`)).toEqual(
      [1, 2, 3].map((change) => ({ id, path: `/${name}`, change })),
    )
  })

  test('follows a new plan while it runs', async () => {
    const { rows } = await capture(planFor([]), async (source) => {
      execFileSync('/bin/cat', ['/etc/hostname'])
      await source.replan(planFor(['openat'], { version: 'second' }))
      execFileSync('/bin/cat', ['/etc/os-release'])
    })
    const opened = rows.filter((row) => row.event === 'openat').map((row) => row.rawPath)
    expect(opened).toContain('/etc/os-release')
    expect(opened).not.toContain('/etc/hostname')
  })

  test('does not report its own calls, from whatever thread', async () => {
    const { rows } = await capture(planFor(['openat']), async () => {
      readFileSync('/etc/hostname')
      const worker = new Worker(`require('node:fs').readFileSync('/etc/hostname')`, { eval: true })
      await once(worker, 'exit')
      execFileSync('/bin/cat', ['/etc/hostname'])
    })
    const opened = rows.filter((row) => row.rawPath === '/etc/hostname')
    expect(opened).toHaveLength(1)
    expect(opened[0]!.by.comm).toBe('cat')
  })

  test('inside a pid namespace still leaves itself out, and shows both numbers of others', () => {
    const script = fileURLToPath(new URL('namespaced.ts', import.meta.url))
    const output = execFileSync('unshare', ['-pf', '--mount-proc', process.execPath, script], { encoding: 'utf8' })
    const { ownPid, seen } = JSON.parse(output)
    expect(ownPid).toBe(1)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({ comm: 'cat' })
    expect(seen[0].vpid).toBeLessThan(100)
    expect(seen[0].vtid).toBe(seen[0].vpid)
    expect(seen[0].pid).toBeGreaterThan(seen[0].vpid)
    expect(seen[0].pidNs).not.toBe(4026531836)
  })

  test('keeps its promise of time: no row is older than what was said before', async () => {
    const { emissions } = await capture(planFor(['openat']), async () => {
      for (let i = 0; i < 20; i++) execFileSync('/bin/cat', ['/etc/hostname'])
      await delay(1200)
    })
    let low = 0
    for (const { batch, lowMs } of emissions) {
      for (const table of Object.values(batch.tables)) {
        for (const time of (table.columns.time as Float64Array | undefined) ?? []) {
          expect(Number(batch.baseNs) / 1e6 + time / 1e6).toBeGreaterThan(low - 1)
        }
      }
      expect(lowMs).toBeGreaterThanOrEqual(low)
      low = lowMs
    }
    // A quiet host still says how far it has come.
    expect(Date.now() - low).toBeLessThan(2000)
  })

  test('recorded and replayed gives the same rows', async () => {
    const path = join(freshFolder(), 'run.smrec')
    const live = await capture(planFor(['openat', 'connect']), async (source) => {
      source.startRecording(path, 10_000_000)
      spawnSync(tester!, ['lives'])
      execFileSync(tester!, ['network'], { cwd: freshFolder() })
      await delay(100)
      source.stopRecording()
    })
    const replayed = [...readRecording(path)].flatMap((emission) => rowsOf(emission.batch))
    const plain = (rows: typeof replayed) => rows.map(({ ordinal: _, time: __, ...row }) => row)
    const mine = (rows: typeof replayed) => rows.filter((row) => row.by.comm === 'tester')
    expect(mine(replayed).length).toBeGreaterThan(10)
    expect(plain(mine(replayed))).toEqual(plain(mine(live.rows)))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('records no more than it may, and stays readable', async () => {
    const path = join(freshFolder(), 'small.smrec')
    const { stats } = await capture(planFor(['openat']), async (source) => {
      source.startRecording(path, 200_000)
      execFileSync(tester!, ['opens', '/etc/hostname', '5000'])
      await delay(100)
    })
    expect(stats.recordingCut).toBeGreaterThan(1000)
    expect(statSync(path).size).toBeLessThanOrEqual(200_000)
    expect(() => [...readRecording(path)]).not.toThrow()
  })

  test('on a quiet host sleeps longer than its tick, and wakes for the first event', async () => {
    const threads = () => new Set(readdirSync('/proc/self/task'))
    const wakes = (thread: string) =>
      Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'))![1])
    const before = threads()
    const delaysMs: number[] = []
    const source = new SyscallSource({ tickMs: 1 })
    const emit = async ({ batch }: Emission) => {
      for (const row of rowsOf(batch)) {
        if (row.rawPath === '/seamark-wake') delaysMs.push(Date.now() - (Number(batch.baseNs) + Number(row.time)) / 1e6)
      }
      return true
    }
    await source.start({ emit }, null, planFor(['openat']))
    try {
      const [drain] = [...threads()].filter((thread) => !before.has(thread))
      const counts: number[] = []
      for (let turn = 0; turn < 7; turn++) {
        const from = wakes(drain!)
        await delay(300)
        counts.push(wakes(drain!) - from)
        spawnSync(tester!, ['opens', '/seamark-wake', '1'])
        await delay(50)
      }
      // Ticks alone would be 300. Others may be busy on this machine; in one turn of seven they are not.
      expect(Math.min(...counts)).toBeLessThan(150)
      expect(delaysMs).toHaveLength(7)
      expect(delaysMs.sort((a, b) => a - b)[3]).toBeLessThan(50)
    } finally {
      await source.stop(1000)
    }
  })

  test('fifty times opened and closed leaves no descriptor and no thread behind', async () => {
    const count = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length]
    const once = async () => {
      const source = new SyscallSource({ bulkRingBytes: 65536, processRingBytes: 65536 })
      await source.start({ emit: async () => true }, null, planFor(['openat']))
      await source.stop(1000)
      await source.stop(1000)
    }
    await once()
    const before = count()
    for (let i = 0; i < 50; i++) await once()
    const after = count()
    expect(after[0]).toBeLessThanOrEqual(before[0]!)
    expect(after[1]).toBe(before[1])
  })

  test('ends with the worker thread that runs it', async () => {
    const before = readdirSync('/proc/self/task').length
    const script = `
      import { SyscallSource } from ${JSON.stringify(new URL('../../../collector/sources/syscalls/syscall-source.ts', import.meta.url).href)}
      import { parentPort } from 'node:worker_threads'
      const source = new SyscallSource()
      const sink = { emit: async ({ batch }) => { if (batch.tables.exec) parentPort.postMessage('seen'); return true } }
      await source.start(sink, null, { version: 't', eventTypes: [], scope: 'all', environment: false })
      parentPort.postMessage('ready')
    `
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { execArgv: [] })
    expect(await once(worker, 'message')).toEqual(['ready'])
    const seen = once(worker, 'message')
    execFileSync('/bin/true')
    expect(await seen).toEqual(['seen'])
    await worker.terminate()
    expect(readdirSync('/proc/self/task').length).toBe(before)
  })

  test('leaves the process alone when its thread is terminated while events come', async () => {
    // Busy by turns, so that chunks wait for the thread when it ends.
    const script = `
      import { SyscallSource } from ${JSON.stringify(new URL('../../../collector/sources/syscalls/syscall-source.ts', import.meta.url).href)}
      import { parentPort } from 'node:worker_threads'
      const sink = { emit: async () => { parentPort.postMessage('seen'); return true } }
      await new SyscallSource({ tickMs: 1 }).start(sink, null, { version: 't', eventTypes: ['openat'], scope: 'all', environment: false })
      for (;;) {
        for (const until = Date.now() + 3; Date.now() < until; );
        await new Promise((resolve) => setImmediate(resolve))
      }
    `
    const load = spawn('/bin/sh', ['-c', 'while :; do cat /etc/hostname; done'], { stdio: 'ignore' })
    try {
      for (let round = 0; round < 25; round++) {
        const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { execArgv: [] })
        await once(worker, 'message')
        await delay(20 + (round % 5) * 10)
        expect(await worker.terminate()).toBe(1)
      }
    } finally {
      load.kill()
    }
  })

  test('refuses to start twice, with a reason', async () => {
    const source = new SyscallSource()
    await source.start({ emit: async () => true }, null, planFor([]))
    const error = await source.start({ emit: async () => true }, null, planFor([])).catch((e: AppError) => e.code)
    await source.stop(1000)
    expect(error).toBe('E_CAPTURE_FAILED')
  })

  test('says what it sees on this host', async () => {
    const visibility = await new SyscallSource().probe()
    expect([...visibility.sees, ...visibility.blind.map(({ what }) => what)]).toHaveLength(4)
    expect(visibility.sees).toContain('processes: exec, fork, exit')
  })
})
