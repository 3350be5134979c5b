/** Every family of calls, made by a C program, as the rows that come out at the other end. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CaptureWant } from '../../../core/model/source.ts'
import {
  buildTester,
  type Captured,
  capture,
  EVERY_CALL,
  freshFolder,
  planFor,
  removeFolders,
  type SeenRow,
  whyNoCapture,
} from './capturing.ts'

const why = whyNoCapture()
const tester = why === null ? buildTester() : null
const reason = why ?? (tester === null ? 'no C compiler' : null)
if (reason !== null) console.warn(`live capture not tested: ${reason}`)

/** The rows of one scene's own process, captured with everything on. */
async function scene(
  name: string,
  cwd: string,
  environment = false,
  wants: readonly CaptureWant[] = [],
): Promise<Captured & { mine: SeenRow[] }> {
  let pid = 0
  const seen = await capture(planFor(EVERY_CALL, { environment, wants }), async () => {
    const child = spawn(tester!, [name], { cwd, stdio: 'ignore', env: { MARK: 'yes', SECOND: '2' } })
    pid = child.pid!
    await once(child, 'exit')
  })
  expect(seen.dropped).toEqual({})
  return { ...seen, mine: seen.rows.filter((row) => row.by.pid === pid) }
}

const find = (rows: SeenRow[], event: string, match: Partial<SeenRow> = {}) =>
  rows.filter(
    (row) =>
      row.event === event && Object.entries(match).every(([column, value]) => row[column as keyof SeenRow] === value),
  )

/** The one row that fits, so that neither a missing nor a doubled one passes. */
const only = (rows: SeenRow[], event: string, match: Partial<SeenRow> = {}) => {
  const found = find(rows, event, match)
  expect(found, `${event} ${JSON.stringify(match)}`).toHaveLength(1)
  return found[0]!
}

describe.skipIf(reason !== null)('live capture', () => {
  afterAll(removeFolders)

  describe('of calls on files', () => {
    let cwd = ''
    let rows: SeenRow[] = []
    beforeAll(async () => {
      cwd = freshFolder()
      rows = (await scene('files', cwd)).mine
    })

    test('opens carry the path that the kernel resolved beside the one that was passed', () => {
      expect(only(rows, 'open', { rawPath: 'plain', mode: 0o600 })).toMatchObject({
        path: join(cwd, 'plain'),
        fdType: 'f'.charCodeAt(0),
        table: 'file',
      })
      expect(only(rows, 'openat', { rawPath: 'beside' })).toMatchObject({ path: join(cwd, 'beside'), flags: 0o102 })
      expect(only(rows, 'openat2')).toMatchObject({ path: join(cwd, 'how'), rawPath: 'how', flags: 0o102, mode: 0o640 })
      expect(only(rows, 'creat')).toMatchObject({ path: join(cwd, 'made'), mode: 0o622 })
      const plain = statSync(join(cwd, 'plain'))
      const opened = only(rows, 'open', { rawPath: 'plain', mode: 0o600 })
      expect(opened.inode).toBe(plain.ino)
      expect(Number(opened.device) >>> 20).toBe(Number(BigInt(plain.dev) >> 8n) & 0xfff)
    })

    test('a failed open of a relative path tells the directory it was relative to', () => {
      const absent = only(rows, 'openat', { rawPath: 'absent' })
      expect(absent).toMatchObject({ ret: -2, fd: -1, dirPath: cwd })
      expect(absent.path).toBeUndefined()
      expect(only(rows, 'openat', { rawPath: '../absent' })).toMatchObject({ dirFd: -100, dirPath: join(cwd, 'sub') })
    })

    test('a symbolic link, O_PATH and /proc/self/root do not hide the file', () => {
      expect(only(rows, 'openat', { rawPath: 'soft' }).path).toBe(join(cwd, 'plain'))
      expect(only(rows, 'openat', { flags: 0o10000000 }).path).toBe(join(cwd, 'plain'))
      expect(only(rows, 'openat', { rawPath: '/proc/self/root/etc/passwd' }).path).toBe('/etc/passwd')
      expect(only(rows, 'openat', { rawPath: '../plain' }).path).toBe(join(cwd, 'plain'))
    })

    // Paths used to be relative to the task's root: chroot("/etc") turned /etc/x into /x, and no rule about /etc saw it.
    test('a chroot does not rename the files a process touches', () => {
      expect(only(rows, 'chroot').ret).toBe(0)
      expect(only(rows, 'openat', { rawPath: '/plain' }).path).toBe(`${cwd}/plain`)
    })

    test('calls with two paths carry both, and the directories of both', () => {
      expect(only(rows, 'rename')).toMatchObject({ rawPath: 'hard', rawPath2: 'hard3', dirPath: cwd, dirPath2: cwd })
      expect(only(rows, 'renameat')).toMatchObject({ rawPath: 'hard2', rawPath2: 'hard4', dirPath2: cwd })
      expect(only(rows, 'renameat2')).toMatchObject({ rawPath: 'hard3', rawPath2: 'hard5', flags: 1 })
      expect(only(rows, 'link')).toMatchObject({ rawPath: 'plain', rawPath2: 'hard', dirPath2: cwd })
      expect(only(rows, 'linkat')).toMatchObject({ rawPath: 'plain', rawPath2: 'hard2', dirPath2: cwd })
      expect(only(rows, 'symlink')).toMatchObject({ rawPath: 'plain', rawPath2: 'soft', dirPath2: cwd })
      expect(only(rows, 'symlinkat')).toMatchObject({ rawPath: 'plain', rawPath2: 'soft2', dirPath2: cwd })
    })

    test('modes and owners are columns', () => {
      expect(only(rows, 'mkdir')).toMatchObject({ rawPath: 'sub', mode: 0o700, dirPath: cwd })
      expect(only(rows, 'mkdirat')).toMatchObject({ rawPath: 'sub2', mode: 0o711 })
      expect(only(rows, 'chmod')).toMatchObject({ rawPath: 'plain', mode: 0o4755 })
      expect(only(rows, 'fchmod')).toMatchObject({ path: join(cwd, 'plain'), mode: 0o700 })
      expect(only(rows, 'fchmodat')).toMatchObject({ rawPath: 'plain', mode: 0o711 })
      expect(only(rows, 'fchmodat2').rawPath).toBe('plain')
      expect(only(rows, 'chown')).toMatchObject({ argUid: 1001, argGid: 1002, rawPath: 'plain' })
      expect(only(rows, 'fchown')).toMatchObject({ argUid: 1003, argGid: 1004, path: join(cwd, 'plain') })
      expect(only(rows, 'lchown')).toMatchObject({ argUid: 1005, argGid: 1006, rawPath: 'soft' })
      expect(only(rows, 'fchownat')).toMatchObject({ argUid: 1007, argGid: 1008, rawPath: 'plain' })
      expect(only(rows, 'mknod')).toMatchObject({ rawPath: 'pipe', mode: 0o10600 })
      expect(only(rows, 'mknodat')).toMatchObject({ rawPath: 'pipe2', mode: 0o10600 })
      expect(only(rows, 'truncate').rawPath).toBe('plain')
    })

    test('removals and duplicated descriptors', () => {
      expect(only(rows, 'unlink')).toMatchObject({ rawPath: 'soft2', ret: 0, dirPath: cwd })
      expect(only(rows, 'unlinkat')).toMatchObject({ rawPath: 'soft', ret: 0, dirPath: cwd })
      expect(only(rows, 'rmdir')).toMatchObject({ rawPath: 'sub2', ret: 0 })
      expect(only(rows, 'dup')).toMatchObject({ table: 'file', path: join(cwd, 'plain') })
      const { arg0 } = only(rows, 'dup')
      expect(arg0).toBeGreaterThan(2)
      expect(only(rows, 'dup2')).toMatchObject({ fd: 90, path: join(cwd, 'plain'), arg0, arg1: 90 })
      expect(only(rows, 'dup3')).toMatchObject({ fd: 91, flags: 0o2000000, arg0, arg1: 91 })
    })

    test('a change of directory makes a new version of the process', () => {
      const change = only(rows, 'chdir', { rawPath: 'sub' })
      expect(change.path).toBe(join(cwd, 'sub'))
      const version = Number(change.by.processVersion)
      expect(only(rows, 'openat', { rawPath: '../plain' }).by.processVersion).toBe(version + 1)
      const back = only(rows, 'fchdir')
      expect(back.path).toBe(cwd)
      expect(only(rows, 'chroot').by.processVersion).toBe(version + 2)
    })
  })

  test('of mounts: what, where and with which flags', async () => {
    const cwd = freshFolder()
    const { mine } = await scene('mounts', cwd)
    expect(only(mine, 'mount', { rawPath: 'seamark-tmp' })).toMatchObject({ rawPath2: 'mnt', flags: 2, dirPath2: cwd })
    expect(only(mine, 'openat', { rawPath: 'mnt/inside' }).path).toBe(join(cwd, 'mnt/inside'))
    expect(only(mine, 'umount2')).toMatchObject({ rawPath: 'mnt', flags: 2 })
  })

  test('of sockets: what is sent and received, where the plan asks', async () => {
    const { mine } = await scene('network', freshFolder(), false, ['data'])
    for (const event of ['sendto', 'sendmsg', 'recvfrom', 'recvmsg']) {
      const found = find(mine, event)
      expect(found.length, event).toBeGreaterThan(0)
      for (const row of found) expect(row.data, event).toBe('hello')
    }
    expect(mine.filter((row) => row.data !== undefined && !/^(?:send|recv)/.test(row.event))).toEqual([])
    // A path is read as before.
    expect(find(mine, 'connect', { family: 1 })[0]).toHaveProperty('socketPath')
  })

  test('of files on an overlay: which layer they are on', async () => {
    const at = freshFolder()
    const run = (script: string) => execFileSync('/bin/sh', ['-euc', script], { cwd: at })
    run('mkdir lower upper work merged; cp /bin/cat lower/old-cat; echo x > lower/old; echo x > lower/kept')
    run('mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged; cp /bin/cat merged/new-cat')
    let rows: SeenRow[]
    try {
      const plan = planFor(['open', 'openat'])
      rows = (
        await capture(plan, () => run('merged/old-cat merged/kept; echo y >> merged/old; merged/new-cat merged/old'))
      ).rows
    } finally {
      run('umount merged')
    }
    const layerOf = (name: string) =>
      rows.filter((row) => row.path === join(at, 'merged', name)).map((row) => row.fdLayer)
    expect(layerOf('kept')).toEqual([2])
    // The file is copied up when it is opened for writing.
    expect(layerOf('old')).toEqual([1, 1])
    const exe = (name: string) => Number(only(rows, 'execve', { exePath: join(at, 'merged', name) }).exeFlags) & 17
    expect([exe('old-cat'), exe('new-cat')]).toEqual([16, 1])
  })

  test('of sockets: both ends as the kernel knows them', async () => {
    const { mine } = await scene('network', freshFolder())
    const [listening] = find(mine, 'listen', { family: 2 })
    const port = listening!.localPort
    expect(listening).toMatchObject({ localIp: '127.0.0.1', role: 2, table: 'network' })
    expect(mine.filter((row) => row.data !== undefined)).toEqual([])
    expect(only(mine, 'accept')).toMatchObject({ localPort: port, remoteIp: '127.0.0.1', role: 2, fdType: 52 })
    const connects = find(mine, 'connect', { remotePort: port! })
    expect(connects).toHaveLength(2)
    expect(connects[0]).toMatchObject({ remoteIp: '127.0.0.1', role: 1, protocol: 6, ret: 0 })
    expect(only(mine, 'accept').remotePort).toBe(connects[0]!.localPort)
    expect(only(mine, 'accept4')).toMatchObject({ flags: 0o2000000, remotePort: connects[1]!.localPort })
    expect(only(mine, 'dup')).toMatchObject({ table: 'network', remotePort: port, localPort: connects[1]!.localPort })
    expect(only(mine, 'connect', { family: 10 })).toMatchObject({
      ret: -111,
      remoteIp: '::1',
      remotePort: 9,
      fdType: 54,
    })
    expect(find(mine, 'sendto')[0]).toMatchObject({ remoteIp: '127.0.0.1', remotePort: 9, protocol: 17, size: 5 })
    expect(only(mine, 'sendmsg')).toMatchObject({ remoteIp: '127.0.0.1', remotePort: 9 })
    const sender = find(mine, 'sendto')[0]!.localPort
    expect(only(mine, 'recvfrom')).toMatchObject({ remoteIp: '127.0.0.1', remotePort: sender, size: 5 })
    expect(only(mine, 'recvmsg')).toMatchObject({ remoteIp: '127.0.0.1', remotePort: sender })
    expect(find(mine, 'connect', { socketPath: 'talk.sock' })).toHaveLength(1)
    expect(find(mine, 'connect', { socketPath: '@seamark-test' })).toHaveLength(1)
    expect(find(mine, 'bind', { socketPath: 'talk.sock', family: 1 })).toHaveLength(1)
  })

  test('of everything else: raw arguments, names and ids', async () => {
    const { mine, rows } = await scene('calls', freshFolder())
    expect(only(mine, 'memfd_create')).toMatchObject({ text0: 'hidden', path: '/memfd:hidden', table: 'call' })
    expect(find(mine, 'prctl', { arg0: 4, arg1: 1 })).toHaveLength(1)
    expect(only(mine, 'prctl', { arg0: 15 }).text0).toBe('seamark-name')
    expect(only(mine, 'prctl', { arg0: 1 }).text0).toBeUndefined()
    expect(only(mine, 'bpf')).toMatchObject({ arg0: 999, ret: -22 })
    expect(only(mine, 'init_module').text0).toBe('param=1')
    expect(only(mine, 'finit_module')).toMatchObject({ text0: 'param=2', flags: 3, fd: -1 })
    expect(only(mine, 'delete_module')).toMatchObject({ text0: 'seamark_absent', flags: 0o4000 })
    expect(find(mine, 'userfaultfd')).toHaveLength(1)
    expect(find(mine, 'io_uring_setup')).toHaveLength(1)
    expect(find(mine, 'io_uring_enter')).toHaveLength(1)
    expect(only(mine, 'keyctl').arg1).toBe(-3 >>> 0)
    expect(find(mine, 'capset')).toHaveLength(1)
    expect(only(mine, 'ptrace').arg0).toBe(3)
    expect(only(mine, 'unshare').flags).toBe(0x200)
    expect(only(mine, 'setns')).toMatchObject({ flags: 0x4000000, path: 'ns:[4026531838]' })
    expect(only(mine, 'tkill').arg1).toBe(0)
    expect(find(mine, 'tgkill')).not.toHaveLength(0)
    expect(only(mine, 'kill', { arg1: 0 }).arg0).toBe(mine[0]!.by.pid)
    expect(only(mine, 'setregid').argGid).toBe(21)
    expect(only(mine, 'setresgid').argGid).toBe(22)
    expect(only(mine, 'setfsgid').argGid).toBe(23)
    expect(only(mine, 'setgid').argGid).toBe(24)
    expect(find(mine, 'setreuid')).toHaveLength(1)
    expect(only(mine, 'setfsuid').argUid).toBe(33)
    expect(find(mine, 'setresuid')).toHaveLength(1)
    expect(only(mine, 'setuid')).toMatchObject({ argUid: 34, ret: 0, by: { uid: 34, gid: 24 } })
    const children = rows.filter((row) => row.by.ppid === mine[0]!.by.pid)
    expect(find(children, 'setsid')).toHaveLength(1)
    expect(find(children, 'setpgid')).toHaveLength(1)
  })

  // Inside the kernel an interrupted call returns 512 to 516; results once read -512 and printed E512.
  test('of calls that a signal interrupts: as their caller sees them', async () => {
    const { mine } = await scene('interrupted', freshFolder())
    expect(only(mine, 'accept')).toMatchObject({ ret: -constants.errno.EINTR, table: 'network' })
    expect(find(mine, 'accept4').map(({ ret }) => ret)).toEqual([-constants.errno.EINTR, -constants.errno.EINVAL])
  })

  test('of lives: births with their kind, exit codes, signals, failed execs and new images', async () => {
    const { mine, rows } = await scene('lives', freshFolder(), true)
    const [first, second, third] = mine.filter((row) => row.childPid !== undefined)
    const deathOf = (birth: SeenRow | undefined) =>
      only(
        rows.filter((row) => row.by.pid === birth!.childPid),
        'procexit',
      )
    // Under the name that its parent had given itself.
    expect(first!.comm).toBe('renamed')
    expect(deathOf(first)).toMatchObject({ exitCode: 42, exitSignal: 0 })
    expect(deathOf(second)).toMatchObject({ exitCode: 0, exitSignal: 9 })
    expect(third!.event).toBe('vfork')
    expect(deathOf(third).by.startNs).toBe(third!.childStartNs)
    expect(deathOf(third).exitCode).toBe(7)
    expect(only(mine, 'execve', { rawPath: '/nonexistent/program' })).toMatchObject({ ret: -2 })
    const image = only(mine, 'execve', { rawPath: '/bin/sh' })
    expect(image).toMatchObject({ argv: 'sh\0-c\0exit 3', comm: 'sh', ret: 0, env: 'MARK=yes\0SECOND=2' })
    expect(image.exePath).toBe(execFileSync('readlink', ['-f', '/bin/sh'], { encoding: 'utf8' }).trim())
    expect(image.exeInode).toBe(statSync('/bin/sh').ino)
    expect(image.exeMtime).toBe(statSync('/bin/sh', { bigint: true }).mtimeNs)
    expect(image.exeCtime).toBe(statSync('/bin/sh', { bigint: true }).ctimeNs)
    const before = only(mine, 'execve', { rawPath: tester! })
    expect(Number(image.by.execCount) - Number(before.by.execCount)).toBe(1)
    expect(image.by.startNs).toBe(before.by.startNs)
    expect(only(mine, 'procexit').exitCode).toBe(3)
    const capabilities = BigInt(`0x${/CapEff:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]}`)
    expect(image.capEffective).toBe(Number(capabilities))
  })

  test('threads that end together are one death', async () => {
    const { mine } = await scene('threads', freshFolder())
    expect(find(mine, 'procexit')).toHaveLength(1)
  })

  test('the 32-bit way in hides nothing', async () => {
    const { mine } = await scene('compat', freshFolder())
    expect(only(mine, 'open', { rawPath: '/etc/hostname' })).toMatchObject({ abi: 1, path: '/etc/hostname' })
    expect(only(mine, 'openat', { rawPath: '/etc/hostname' })).toMatchObject({ abi: 1, dirFd: -100 })
    expect(only(mine, 'socket')).toMatchObject({ abi: 1, family: 2 })
    expect(only(mine, 'connect')).toMatchObject({ abi: 1, remoteIp: '127.0.0.1', remotePort: 9, ret: -111 })
  })

  describe('of io_uring', () => {
    const isOff = () => spawnSync(tester!, ['ring'], { cwd: freshFolder() }).status === 77

    test('files carry the result, and the path that the kernel resolved', async ({ skip }) => {
      if (isOff()) skip('io_uring is switched off here')
      const cwd = freshFolder()
      const { mine } = await scene('ring', cwd)
      const opened = only(mine, 'openat', { rawPath: '/etc/hostname' })
      expect(opened).toMatchObject({ abi: 2, path: '/etc/hostname', fdType: 'f'.charCodeAt(0), dirFd: -100 })
      expect(opened.fd).toBeGreaterThan(2)
      expect(opened.ret).toBe(opened.fd)
      expect(only(mine, 'openat', { rawPath: 'absent' })).toMatchObject({ abi: 2, ret: -2, fd: -1, dirPath: cwd })
      const made = only(mine, 'openat', { rawPath: 'made' })
      // The kernel adds O_LARGEFILE.
      expect(made).toMatchObject({ path: join(cwd, 'made'), flags: 0o100102, mode: 0o600 })
      expect(made.inode).toBe(statSync(join(cwd, 'made')).ino)
      expect(only(mine, 'mkdirat')).toMatchObject({ abi: 2, rawPath: 'sub', mode: 0o700, ret: 0, dirPath: cwd })
      expect(only(mine, 'linkat')).toMatchObject({ abi: 2, rawPath: 'made', rawPath2: 'hard', ret: 0, dirPath2: cwd })
      expect(only(mine, 'symlinkat')).toMatchObject({ abi: 2, rawPath: 'made', rawPath2: 'soft', dirPath2: cwd })
      expect(only(mine, 'renameat2')).toMatchObject({ abi: 2, rawPath: 'hard', rawPath2: 'hard2', ret: 0 })
      expect(only(mine, 'unlinkat', { rawPath: 'seamark-absent' })).toMatchObject({ abi: 2, ret: -2, dirFd: -100 })
      expect(only(mine, 'unlinkat', { rawPath: 'hard2' })).toMatchObject({ abi: 2, ret: 0, dirPath: cwd })
    })

    test('sockets carry the result and both ends', async ({ skip }) => {
      if (isOff()) skip('io_uring is switched off here')
      const { mine } = await scene('ring', freshFolder())
      const viaRing = mine.filter((row) => row.abi === 2)
      expect(only(viaRing, 'connect')).toMatchObject({
        ret: -constants.errno.ECONNREFUSED,
        remoteIp: '127.0.0.1',
        remotePort: 9,
        protocol: 6,
      })
      const socket = only(viaRing, 'socket')
      expect(socket).toMatchObject({ family: 2, ret: socket.fd! })
      const listening = only(
        mine.filter(({ ret }) => ret === 0),
        'listen',
      )
      expect(listening).toMatchObject({ fd: socket.fd!, localIp: '127.0.0.1', role: 2 })
      const accepted = only(viaRing, 'accept4')
      expect(accepted).toMatchObject({ localPort: listening.localPort!, remoteIp: '127.0.0.1', flags: 0o2000000 })
      expect(accepted.ret).toBe(accepted.fd)
      const received = only(viaRing, 'recvfrom')
      expect(received).toMatchObject({ ret: 5, size: 5, fd: accepted.fd!, remotePort: accepted.remotePort! })
      expect(only(viaRing, 'sendto')).toMatchObject({ ret: 5, size: 5, remotePort: listening.localPort! })
      const sent = only(viaRing, 'sendmsg')
      expect(sent).toMatchObject({ ret: 5, remoteIp: '127.0.0.1', protocol: 17 })
      expect(only(viaRing, 'recvmsg')).toMatchObject({
        ret: 5,
        remoteIp: '127.0.0.1',
        remotePort: sent.localPort!,
        localPort: sent.remotePort!,
      })
      if (find(viaRing, 'bind')[0]?.ret === 0) {
        expect(only(viaRing, 'bind')).toMatchObject({ localIp: '127.0.0.1', localPort: listening.localPort! })
      }
    })

    test('requests whose completion is hidden are seen once, and count as successful', async ({ skip }) => {
      if (isOff()) skip('io_uring is switched off here')
      const { mine } = await scene('ring-hiding', freshFolder())
      const unknown = { abi: 2, ret: 0, fd: 0, fdType: 'f'.charCodeAt(0) }
      expect(only(mine, 'openat', { rawPath: '/etc/passwd' })).toMatchObject(unknown)
      const group = only(mine, 'openat', { rawPath: '/etc/group' })
      expect(group).toMatchObject({ abi: 2, path: '/etc/group' })
      expect(group.ret).toBeGreaterThan(2)
      expect(only(mine, 'openat', { rawPath: 'absent' })).toMatchObject(unknown)
      const crowded = find(mine, 'openat', { rawPath: '/etc/hosts' })
      expect(crowded).toHaveLength(3)
      expect(crowded[0]!.ret).toBeGreaterThan(2)
      for (const row of crowded.slice(1)) expect(row).toMatchObject(unknown)
    })

    test('more requests than can be remembered are reported at once, and counted', async ({ skip }) => {
      if (isOff()) skip('io_uring is switched off here')
      const seen = await capture(planFor(['accept4']), async () => {
        execFileSync(tester!, ['ring-many', '20480'], { stdio: 'ignore' })
        // The kernel ends what is under way some time after the process.
        await delay(2_000)
      })
      const viaRing = seen.rows.filter((row) => row.abi === 2)
      expect(viaRing).toHaveLength(20480)
      expect(seen.stats.untracked).toBe(20480 - 16384)
      expect(viaRing.filter(({ ret }) => ret === 0)).toHaveLength(20480 - 16384)
      expect(seen.dropped).toEqual({})
    })
  })

  test('a program that exists only in memory is marked', async () => {
    const { mine } = await scene('memfd', freshFolder())
    const image = only(mine, 'execveat')
    expect(image).toMatchObject({ exePath: '/memfd:payload', argv: 'payload\0--quiet' })
    expect(Number(image.exeFlags) & 2).toBe(2)
    const before = only(mine, 'execve')
    expect(Number(before.exeFlags) & 2).toBe(0)
  })

  test('a program whose file was removed is not taken for one in memory', async () => {
    const at = freshFolder()
    const { mine } = await scene('removed', at)
    const image = only(mine, 'execveat')
    expect(image).toMatchObject({ exePath: join(at, 'removed'), argv: 'payload\0--quiet' })
    expect(Number(image.exeFlags) & 2).toBe(0)
  })
})
