import { describe, expect, test } from 'vitest'
import { containersOfCgroupPath } from '../../../collector/host/cgroup-path.ts'
import { Cgroups } from '../../../collector/host/cgroups.ts'
import { Containers } from '../../../collector/host/containers.ts'
import { DomainNames } from '../../../collector/host/domain-names.ts'
import { Host } from '../../../collector/host/host.ts'
import { MAX_ANCESTORS, MAX_DEPTH, ProcessTree } from '../../../collector/host/process-tree.ts'
import { parseNames, UserNames } from '../../../collector/host/user-names.ts'
import { type Batch, containerRow, processRow, readNumber, readText } from '../../../core/batch/batch.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { PROCESS_FLAGS } from '../../../core/batch/columns.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { AppError } from '../../../core/model/errors.ts'

const HOST_NS = 4026531841
const CONTAINER_NS = 4026532999
const ID = 'a'.repeat(64)
const HOST_CGROUP = 1
const CONTAINER_CGROUP = 77

/** A host on which nothing runs but what the test says: /proc is empty. */
function quietHost(maxProcesses?: number) {
  const cgroups = new Cgroups({ procRoot: '/nonexistent', cgroupRoot: null })
  const containers = new Containers({ inspect: async () => 'unknown' })
  containers.learn({
    id: ID,
    runtime: 'docker',
    name: 'web',
    imageName: 'nginx:1',
    imageRepository: 'nginx',
    imageTag: '1',
  })
  const tree = new ProcessTree({
    procRoot: '/nonexistent',
    hostMntNs: HOST_NS,
    containerOf: (cgroupId, pid) => containers.choose(cgroups.ownersOf(cgroupId, pid))?.id ?? null,
    containerOfProcess: () => null,
    ...(maxProcesses === undefined ? {} : { maxProcesses }),
  })
  const users = new UserNames({
    readInRoot: async (_pid, path) => Buffer.from(path === '/etc/passwd' ? 'app:x:1000:1000::/srv:/bin/ash\n' : ''),
  })
  const domains = new DomainNames({ lookup: async () => ['10.0.0.2'] })
  return { host: new Host({ tree, cgroups, containers, users, domains, bootOffsetNs: 0 }), tree, containers }
}

/** Writes what the addon would: rows in order of time, with their process's numbers. */
class Kernel {
  private builder = new BatchBuilder(0n)
  private at = 0n
  private last = { table: 'exec' as 'exec' | 'lifecycle' | 'file', row: 0 }

  constructor() {
    this.cgroup(CONTAINER_CGROUP, `/docker/${ID}`)
  }

  cgroup(cgroupId: number, cgroupPath: string): void {
    this.builder.add('cgroups', { cgroupId, cgroupPath, cgroupChange: 1, time: 0 })
  }

  private process(key: Row): number {
    return this.builder.add('process', { cgroupId: HOST_CGROUP, mntNs: HOST_NS, uid: 0, gid: 0, execCount: 1, ...key })
  }

  fork(parent: Row, child: { childPid: number; childStartNs: number; comm?: string }): this {
    this.event('lifecycle', parent, { type: EVENT_TYPES.clone.code, ret: child.childPid, ...child })
    return this
  }

  exec(key: Row, facts: Row): this {
    this.event('exec', key, { type: EVENT_TYPES.execve.code, ret: 0, ...facts })
    return this
  }

  open(key: Row, path: string): this {
    this.event('file', key, { type: EVENT_TYPES.openat.code, ret: 3, path })
    return this
  }

  private event(table: 'exec' | 'lifecycle' | 'file', key: Row, row: Row): void {
    this.at += 1000n
    this.last = { table, row: this.builder.addEvent(table, this.at, { process: this.process(key), ...row }) }
  }

  /** The batch so far; a new one begins. */
  take(): { batch: Batch; last: { table: 'exec' | 'lifecycle' | 'file'; row: number } } {
    const taken = { batch: this.builder.build(), last: this.last }
    this.builder = new BatchBuilder(0n)
    return taken
  }
}

async function join(host: Host, kernel: Kernel) {
  const { batch, last } = kernel.take()
  const joined = await host.join(batch)
  const table = joined.tables[last.table]!
  const processes = joined.tables.process!
  const process = processRow(table, last.row)
  const container = containerRow(joined, table, last.row)
  const ancestors: (string | undefined)[] = []
  for (
    let at = readNumber(processes, process, 'parent');
    at !== undefined && ancestors.length < 3_000;
    at = readNumber(processes, at, 'parent')
  ) {
    ancestors.push(readText(joined, processes, at, 'comm'))
  }
  return {
    comm: readText(joined, processes, process, 'comm'),
    user: readText(joined, processes, process, 'userName'),
    flags: readNumber(processes, process, 'processFlags') ?? 0,
    container: container < 0 ? null : readText(joined, joined.tables.container!, container, 'containerName'),
    ancestors,
  }
}

const shim = { pid: 10, startNs: 100 }
const init = { pid: 20, startNs: 200 }

/** dockerd's runtime makes a container: it moves its child into the cgroup, which then executes the program inside. */
function startContainer(kernel: Kernel): Row {
  kernel.exec(shim, { comm: 'containerd-shim' }).fork(shim, { childPid: 20, childStartNs: 200 })
  kernel.exec({ ...init, execCount: 2, cgroupId: CONTAINER_CGROUP }, { comm: 'runc:[2:INIT]' })
  const inside = { ...init, execCount: 3, cgroupId: CONTAINER_CGROUP, mntNs: CONTAINER_NS }
  kernel.exec(inside, { comm: 'nginx' })
  return inside
}

describe('a process', () => {
  test('in a container carries its name and image, and its ancestors up to the host', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    kernel.fork(inside, { childPid: 21, childStartNs: 210 })
    const shell = { ...inside, pid: 21, startNs: 210, execCount: 4, uid: 1000 }
    kernel.exec(shell, { comm: 'sh', argv: 'sh\0-c\0id' })
    expect(await join(host, kernel)).toMatchObject({
      comm: 'sh',
      user: 'app',
      container: 'web',
      ancestors: ['nginx', 'containerd-shim'],
      flags: 0,
    })
  })

  test('of the runtime is told apart until a program was executed inside, whatever it is called', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    kernel.exec(shim, { comm: 'containerd-shim' }).fork(shim, { childPid: 20, childStartNs: 200 })
    kernel.exec({ ...init, execCount: 2, cgroupId: CONTAINER_CGROUP }, { comm: 'nginx' })
    expect((await join(host, kernel)).flags & PROCESS_FLAGS.runtime).toBe(PROCESS_FLAGS.runtime)
    kernel.exec({ ...init, execCount: 3, cgroupId: CONTAINER_CGROUP, mntNs: CONTAINER_NS }, { comm: 'runc:[2:INIT]' })
    expect((await join(host, kernel)).flags & PROCESS_FLAGS.runtime).toBe(0)
  })

  test('that moves itself to a host cgroup stays in its container, and so do its children', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    await join(host, kernel)
    kernel.open({ ...inside, cgroupId: HOST_CGROUP }, '/etc/shadow')
    expect(await join(host, kernel)).toMatchObject({ container: 'web', flags: PROCESS_FLAGS.containerByAncestry })
    kernel.fork({ ...inside, cgroupId: HOST_CGROUP }, { childPid: 30, childStartNs: 300 })
    kernel.exec({ pid: 30, startNs: 300, execCount: 4, cgroupId: HOST_CGROUP, mntNs: HOST_NS }, { comm: 'sh' })
    expect(await join(host, kernel)).toMatchObject({
      comm: 'sh',
      container: 'web',
      flags: PROCESS_FLAGS.containerByAncestry,
    })
  })

  test('of the host does not enter a container because its runtime parent did', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    startContainer(kernel)
    kernel.fork(shim, { childPid: 40, childStartNs: 400 })
    kernel.exec({ pid: 40, startNs: 400, execCount: 2 }, { comm: 'runc' })
    expect(await join(host, kernel)).toMatchObject({ comm: 'runc', container: null })
  })

  test('keeps the facts of the image an earlier row refers to, in the same batch', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    kernel.exec({ ...inside, execCount: 4 }, { comm: 'sh' })
    kernel.open(inside, '/etc/passwd')
    expect((await join(host, kernel)).comm).toBe('nginx')
  })

  // The parent of `nc` in `sh -c 'nc …; exec sleep 1'` was once shown as sleep.
  test('has the parent that started it, also when that one executes something else right afterwards', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    kernel.fork(inside, { childPid: 21, childStartNs: 210 })
    kernel.exec({ ...inside, pid: 21, startNs: 210, execCount: 4 }, { comm: 'nc' })
    kernel.exec({ ...inside, execCount: 4 }, { comm: 'sleep' })
    kernel.open({ ...inside, pid: 21, startNs: 210, execCount: 4 }, '/etc/hosts')
    expect(await join(host, kernel)).toMatchObject({ comm: 'nc', ancestors: ['nginx', 'containerd-shim'] })
  })

  test('is born under the name that its parent had given itself; the parent keeps that of its program', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    kernel.fork(inside, { childPid: 21, childStartNs: 210, comm: 'worker' })
    kernel.open({ ...inside, pid: 21, startNs: 210 }, '/etc/hosts')
    expect(await join(host, kernel)).toMatchObject({ comm: 'worker', ancestors: ['nginx', 'containerd-shim'] })
    kernel.open(inside, '/etc/hosts')
    expect((await join(host, kernel)).comm).toBe('nginx')
  })

  test('whose birth was not seen is marked so, and nothing is invented', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    kernel.open({ pid: 999, startNs: 5, execCount: 1 }, '/etc/passwd')
    const joined = await join(host, kernel)
    expect(joined).toMatchObject({ comm: undefined, container: null, ancestors: [] })
    expect(joined.flags & PROCESS_FLAGS.factsMissing).toBe(PROCESS_FLAGS.factsMissing)
    expect(host.unresolved.process).toBe(1)
  })

  test('that forks and leaves for ever keeps a bounded line of ancestors', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    for (let i = 1; i < 2_000; i++) kernel.fork({ pid: i, startNs: i }, { childPid: i + 1, childStartNs: i + 1 })
    await join(host, kernel)
    kernel.exec({ pid: 2_000, startNs: 2_000, execCount: 2 }, { comm: 'last' })
    expect((await join(host, kernel)).ancestors.length).toBeLessThanOrEqual(MAX_DEPTH + 1)
  })

  // Cutting a shared ancestor once let a deep fork take the line of all its relatives away.
  test('that forks deeply takes nothing from the line of its relatives', async () => {
    const { host } = quietHost()
    const kernel = new Kernel()
    const inside = startContainer(kernel)
    kernel.fork(inside, { childPid: 1000, childStartNs: 1000 })
    for (let i = 1000; i < 1400; i++) {
      kernel.fork({ ...inside, pid: i, startNs: i }, { childPid: i + 1, childStartNs: i + 1 })
    }
    kernel.exec({ ...inside, pid: 1400, startNs: 1400, execCount: 4 }, { comm: 'deep' })
    const deep = await join(host, kernel)
    expect(deep).toMatchObject({ comm: 'deep', container: 'web' })
    expect(deep.ancestors.length).toBeGreaterThanOrEqual(MAX_ANCESTORS)
    kernel.open(inside, '/etc/passwd')
    expect((await join(host, kernel)).ancestors).toEqual(['containerd-shim'])
  })

  test('too many are bounded, and every eviction is counted', async () => {
    const { host, tree } = quietHost(50)
    const kernel = new Kernel()
    for (let i = 0; i < 80; i++) kernel.fork({ pid: 1, startNs: 1 }, { childPid: i + 2, childStartNs: i + 2 })
    await join(host, kernel)
    expect(tree.size).toBe(50)
    expect(tree.evicted).toBe(31)
  })
})

describe('a container', () => {
  const b = 'b'.repeat(64)

  test.each([
    [`/docker/${ID}`, 'docker'],
    [`/system.slice/docker-${ID}.scope`, 'docker'],
    [`/system.slice/docker-${ID}.scope/init.scope`, 'docker'],
    [`/kubepods/burstable/pod1/${ID}`, 'containerd'],
    [`/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`, 'containerd'],
    [`/kubepods.slice/crio-${ID}.scope`, 'cri-o'],
    [`/machine.slice/libpod-${ID}.scope/container`, 'podman'],
  ])('is recognised in %s', (path, runtime) => {
    expect(containersOfCgroupPath(path)).toEqual([{ id: ID, runtime }])
  })

  test.each([
    '/',
    '/system.slice/ssh.service',
    `/machine.slice/libpod-conmon-${ID}.scope`,
    `/crio-conmon-${ID}`,
    '/docker/short',
  ])('is not seen in %s', (path) => {
    expect(containersOfCgroupPath(path)).toEqual([])
  })

  test('inside a container is the nearest one that the engine knows', () => {
    const { containers } = quietHost()
    const owners = containersOfCgroupPath(`/docker/${ID}/docker/${b}`)
    expect(owners.map((owner) => owner.id)).toEqual([b, ID])
    expect(containers.choose(owners)?.name).toBe('web')
  })

  test('is not made by naming a cgroup like one: the engine is asked', async () => {
    const { containers } = quietHost()
    const owners = containersOfCgroupPath(`/docker/${b}`)
    expect(containers.isUnresolved(owners)).toBe(true)
    await containers.resolve(owners)
    expect(containers.choose(owners)).toBeNull()
  })
})

test('names come only from lines that make sense, the first for a number counts, and there is an end', () => {
  const names = parseNames(`root:x:0:0::/:\nbad line\n:x:5:\nx:x:-1:\na:x:7:\nb:x:7:\n${'z'.repeat(1000)}:x:8:\n`)
  expect([...names]).toEqual([
    [0, 'root'],
    [7, 'a'],
    [8, 'z'.repeat(256)],
  ])
  const many = Array.from({ length: 20_000 }, (_, i) => `u${i}:x:${i}:`).join('\n')
  expect(parseNames(many).size).toBe(10_000)
})

test('a reading of names that fails without a known reason is counted; a file that is not there is not', async () => {
  const broken = new UserNames({ readInRoot: () => Promise.reject(new TypeError('a mistake of ours')) })
  await broken.refresh(null, 1)
  expect(broken.failures).toBe(2)
  const absent = new UserNames({ readInRoot: () => Promise.reject(new AppError('E_CONTAINER_PATH', 'ENOENT')) })
  await absent.refresh(null, 1)
  expect(absent.failures).toBe(0)
})

test('what a plan does not ask for is not added, and what it asks for is', async () => {
  const { host } = quietHost()
  const batch = () => {
    const builder = new BatchBuilder(0n)
    const process = builder.add('process', { pid: 1, startNs: 5, execCount: 0, uid: 1000, gid: 0, vpid: 1, pidNs: 3 })
    builder.add('network', {
      time: 1,
      type: EVENT_TYPES.connect.code,
      process,
      localIp: '10.0.0.1',
      remoteIp: '10.0.0.2',
    })
    return builder.build()
  }
  const plain = await host.join(batch())
  for (const column of ['userHome', 'pidNsStartTime'] as const)
    expect(plain.tables.process!.columns[column]).toBeUndefined()
  expect(plain.tables.network!.columns.remoteNames).toBeUndefined()

  const asked = await host.join(batch(), { wants: ['accounts', 'pidns'], domains: ['a.example'] })
  expect(readText(asked, asked.tables.process!, 0, 'userHome')).toBe('/srv')
  expect(readText(asked, asked.tables.process!, 0, 'userShell')).toBe('/bin/ash')
  expect(asked.tables.process!.columns.pidNsStartTime![0]).toBe(5n)
  expect(readText(asked, asked.tables.network!, 0, 'remoteNames')).toBe('a.example')
  expect(asked.tables.network!.columns.localNames).toBeUndefined()
})
