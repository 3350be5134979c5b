/** Calls that are captured only where a rule names them: with the right values then, and not at all otherwise. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NAMED_CALL_ARGUMENTS } from '../../../core/fields/arguments-by-name.ts'
import { namesOf } from '../../../core/fields/calls-by-name.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { argumentsText } from '../../../core/fields/event-arguments.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import type { CapturePlan } from '../../../core/model/source.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import {
  buildTester,
  type Captured,
  capture,
  freshFolder,
  planFor,
  removeFolders,
  type SeenRow,
  whyNoCapture,
} from './capturing.ts'

const why = whyNoCapture()
const program = why === null ? buildTester('named') : null
const tester = why === null ? buildTester() : null
const reason = why ?? (program === null ? 'no C compiler' : null)
if (reason !== null) console.warn(`calls by name not tested: ${reason}`)

/** The plan of one rule. */
function planOf(condition: string, output = 'o'): CapturePlan {
  const text = `- rule: r\n  desc: d\n  condition: ${condition}\n  output: ${JSON.stringify(output)}\n  priority: info\n  warn_evttypes: false\n`
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text }])
  expect(problems).toEqual([])
  return ruleSet!.plan
}

interface Scene extends Captured {
  mine: SeenRow[]
  out: string
  cwd: string
}

/** What the program itself did: before it is started, Node's fork of itself does other things under the same pid. */
async function scene(name: string, plan: CapturePlan, by = program!): Promise<Scene> {
  const comm = by === program ? 'named' : 'tester'
  const cwd = freshFolder()
  let pid = 0
  let out = ''
  const seen = await capture(plan, async () => {
    const child = spawn(by, [name], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
    pid = child.pid!
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString()
    })
    await once(child, 'close')
  })
  return { ...seen, mine: seen.rows.filter((row) => row.by.pid === pid && row.by.comm === comm), out, cwd }
}

function only(rows: SeenRow[], event: string, match: Partial<SeenRow> = {}): SeenRow {
  const found = rows.filter(
    (row) =>
      row.event === event && Object.entries(match).every(([column, value]) => row[column as keyof SeenRow] === value),
  )
  expect(found, `${event} ${JSON.stringify(match)}`).toHaveLength(1)
  return found[0]!
}

const char = (letter: string) => letter.charCodeAt(0)

describe.skipIf(reason !== null)('calls that are captured by name', () => {
  afterAll(removeFolders)

  test('are not captured for rules that do not name them', async () => {
    const { mine } = await scene('files', planOf('evt.type != write and proc.name = named'))
    expect(mine.some(({ event }) => event === 'open' || event === 'openat')).toBe(true)
    expect(mine.filter(({ event }) => NAMED_CALL_ARGUMENTS.has(event))).toEqual([])
  })

  test('are captured alone where one is named', async () => {
    const { mine } = await scene('files', planOf('evt.type = ftruncate'))
    expect(new Set(mine.map(({ event }) => event).filter((event) => NAMED_CALL_ARGUMENTS.has(event)))).toEqual(
      new Set(['ftruncate']),
    )
  })

  describe('on files', () => {
    let seen: Scene
    beforeAll(async () => {
      const names = [...namesOf('reads'), ...namesOf('writes'), ...namesOf('descriptors'), ...namesOf('paths')]
      seen = await scene('files', planOf(`evt.type in (${names.join(', ')})`, '%evt.buffer'))
    })

    test('say which file the descriptor is, how much, and the data where an output asks for it', () => {
      const path = join(seen.cwd, 'plain')
      const file = { table: 'file', path, fdType: char('f') }
      expect(only(seen.mine, 'write')).toMatchObject({ ...file, ret: 11, size: 11, data: 'hello there' })
      expect(only(seen.mine, 'writev')).toMatchObject({ ...file, ret: 11, size: 11, data: 'first' })
      expect(only(seen.mine, 'read', { path })).toMatchObject({
        ...file,
        ret: 22,
        size: 64,
        data: 'hello therefirstsecond',
      })
      expect(only(seen.mine, 'pread')).toMatchObject({ ...file, ret: 5, arg3: 6, data: 'there' })
      expect(only(seen.mine, 'lseek')).toMatchObject({ ...file, arg1: 0, arg2: 0 })
      expect(only(seen.mine, 'fstat', { path })).toMatchObject(file)
      expect(only(seen.mine, 'ftruncate')).toMatchObject({ ...file, arg1: 3 })
      expect(only(seen.mine, 'fsync')).toMatchObject({ ...file, ret: expect.any(Number) })
      expect(only(seen.mine, 'fcntl', { arg1: 2 })).toMatchObject({ ...file, arg2: 1 })
      expect(only(seen.mine, 'ioctl', { path })).toMatchObject({ ...file, ret: -25, arg1: 0x5401 })
      expect(only(seen.mine, 'getdents64')).toMatchObject({ table: 'file', path: seen.cwd, fdType: char('d') })
    })

    test('carry paths with their directory', () => {
      const cwd = seen.cwd
      expect(only(seen.mine, 'stat')).toMatchObject({ table: 'file', rawPath: 'plain', dirPath: cwd })
      expect(only(seen.mine, 'newfstatat', { rawPath: 'plain' })).toMatchObject({ dirPath: cwd, flags: 0x100 })
      expect(only(seen.mine, 'newfstatat', { flags: 0x1000 })).toMatchObject({ dirPath: join(cwd, 'plain') })
      expect(only(seen.mine, 'access')).toMatchObject({ rawPath: 'absent', ret: -2, mode: 6, dirPath: cwd })
      expect(only(seen.mine, 'setxattr')).toMatchObject({ rawPath: 'plain', text1: 'user.mark', size: 5, flags: 1 })
      expect(only(seen.mine, 'readlink', { rawPath: 'plain' })).toMatchObject({ ret: -22, dirPath: cwd })
      expect(only(seen.mine, 'getcwd')).toMatchObject({ rawPath: cwd })
      expect(only(seen.mine, 'utimensat')).toMatchObject({ rawPath: 'plain', dirPath: cwd, ret: 0 })
    })

    test('of what is closed, only the number and the result', () => {
      const closed = only(seen.mine, 'close', { ret: 0 })
      expect(closed.fd).toBe(only(seen.mine, 'write').fd)
      expect([closed.table, closed.path, closed.fdType]).toEqual(['file', undefined, undefined])
      expect(only(seen.mine, 'close', { fd: 987 })).toMatchObject({ ret: -9 })
    })

    test('read as fields and arguments do for every other call', () => {
      const texts = new Map<string, string[]>()
      const cursor = new Cursor()
      const value = (name: string) => readerOf(findField(name, null)!.field, null)(cursor)
      for (const { batch } of seen.emissions) {
        cursor.open(batch)
        const { file } = batch.tables
        for (let row = 0; row < (file?.rowCount ?? 0); row++) {
          cursor.moveTo(file!, row)
          if (cursor.processText('comm') !== 'named') continue
          const text = `${argumentsText(cursor)} | ${value('fd.name')} ${value('fs.path.name')} ${value('evt.io_dir')}`
          texts.set(cursor.type!, [...(texts.get(cursor.type!) ?? []), text])
        }
      }
      const plain = join(seen.cwd, 'plain')
      const fd = only(seen.mine, 'write').fd
      expect(texts.get('write')).toEqual([`res=11 fd=${fd}(<f>${plain}) size=11 | ${plain} undefined write`])
      expect(texts.get('access')).toEqual([
        `res=-2(ENOENT) name=${seen.cwd}/absent mode=6(R_OK|W_OK) | undefined ${seen.cwd}/absent undefined`,
      ])
      expect(texts.get('fcntl')).toContain(
        `res=0 fd=${fd}(<f>${plain}) cmd=2(F_SETFD) arg=1 | ${plain} undefined undefined`,
      )
      expect(texts.get('newfstatat')).toContain(
        `res=0 dirfd=${fd}(<f>${plain}) path=${plain} flags=4096(AT_EMPTY_PATH) | undefined ${plain} undefined`,
      )
    })
  })

  test('on memory, processes and the machine have their arguments', async () => {
    const names = [...namesOf('memory'), ...namesOf('makers'), 'kexec_load', 'move_mount', 'mount_setattr', 'getpid']
    const { mine, cwd } = await scene('memory', planFor(names))
    expect(only(mine, 'mmap', { flags: 1 })).toMatchObject({
      table: 'call',
      arg1: 4096,
      arg2: 3,
      path: join(cwd, 'plain'),
      fdType: char('f'),
      inode: expect.any(Number),
    })
    expect(only(mine, 'mmap', { arg1: 8192, arg2: 1, flags: 0x22 }).fd).toBe(-1)
    expect(only(mine, 'mprotect', { arg2: 5 })).toMatchObject({ arg1: 4096, ret: 0 })
    expect(only(mine, 'munmap', { arg1: 4096 }).ret).toBe(0)
    const { by } = mine[0]!
    expect(only(mine, 'process_vm_readv')).toMatchObject({ ret: 4, arg0: by.pid })
    expect(only(mine, 'perf_event_open')).toMatchObject({ arg1: 7, flags: 8, fd: -1 })
    expect(only(mine, 'kexec_load')).toMatchObject({ arg0: 0x1000, arg1: 17 })
    expect(only(mine, 'eventfd2')).toMatchObject({ arg0: 4, fdType: char('e') })
    expect(only(mine, 'memfd_secret').arg0).toBe(0)
    expect(only(mine, 'move_mount')).toMatchObject({
      rawPath: 'absent-from',
      rawPath2: 'absent-to',
      dirPath: cwd,
      dirPath2: cwd,
    })
    expect(only(mine, 'mount_setattr')).toMatchObject({ rawPath: 'absent', dirPath: cwd, table: 'file' })
    expect(mine.filter(({ event, ret }) => event === 'getpid' && ret === by.pid).length).toBeGreaterThan(0)
  })

  test('on sockets are rows of the network', async () => {
    const names = [...namesOf('sockets'), 'read', 'write', 'close', 'fcntl', 'fsconfig']
    const { mine, out } = await scene('sockets', planFor(names, { wants: ['data'] }))
    const port = Number(out)
    const client = { table: 'network', remoteIp: '127.0.0.1', remotePort: port, fdType: char('4'), protocol: 6 }
    expect(only(mine, 'write', { remotePort: port })).toMatchObject({ ...client, data: 'ping over tcp', size: 13 })
    expect(only(mine, 'read', { localPort: port })).toMatchObject({ data: 'ping over tcp', ret: 13, table: 'network' })
    expect(only(mine, 'setsockopt')).toMatchObject({ ...client, arg1: 1, arg2: 9, arg4: 4 })
    expect(only(mine, 'shutdown')).toMatchObject({ ...client, arg1: 1, ret: 0 })
    expect(only(mine, 'fcntl', { arg1: 3 })).toMatchObject(client)
    expect(only(mine, 'fsconfig')).toMatchObject({ ...client, text0: 'seamark-key' })
    expect(only(mine, 'fsconfig').data).toBeUndefined()
    expect(only(mine, 'getsockname')).toMatchObject({ table: 'network', localPort: port, localIp: '127.0.0.1' })
  })

  test('by the numbers of 32-bit programs are the same calls', async () => {
    const { mine } = await scene('compat-named', planFor(['read', 'access', 'fcntl', 'shutdown', 'close']), tester!)
    const file = { abi: 1, table: 'file', path: '/etc/hostname' }
    expect(only(mine, 'read', { abi: 1 })).toMatchObject({ ...file, size: 8 })
    expect(only(mine, 'access', { abi: 1 })).toMatchObject({ rawPath: '/etc/hostname', mode: 4, ret: 0 })
    expect(only(mine, 'fcntl', { abi: 1 })).toMatchObject({ ...file, arg1: 1 })
    expect(only(mine, 'shutdown', { abi: 1 })).toMatchObject({ table: 'network', arg1: 1, ret: -107 })
    expect(only(mine, 'close', { abi: 1 }).ret).toBe(0)
  })

  test('through io_uring tell the descriptor and the result', async ({ skip }) => {
    const { mine, cwd } = await scene('ring-named', planFor(['read', 'write', 'fsync']), tester!)
    if (mine.every(({ abi }) => abi !== 2)) return skip('no io_uring here')
    const file = { table: 'file', path: join(cwd, 'plain'), fdType: char('f') }
    expect(only(mine, 'write', { abi: 2 })).toMatchObject({ ...file, ret: 5 })
    expect(only(mine, 'read', { abi: 2 })).toMatchObject({ ...file, ret: 4 })
    expect(only(mine, 'read', { abi: 2 }).size).toBeUndefined()
    expect(only(mine, 'fsync', { abi: 2 })).toMatchObject({ ...file, ret: 0 })
  })

  test('through io_uring are seen with registered buffers, and each time when one request reads again and again', async ({
    skip,
  }) => {
    const { mine, cwd } = await scene('ring-newer', planFor(['read', 'readv', 'writev']), tester!)
    const requests = mine.filter(({ abi }) => abi === 2)
    if (requests.length === 0) return skip('no io_uring here')
    if (requests.some(({ ret }) => ret === -22)) return skip('the kernel has no such requests')
    const file = { table: 'file', path: join(cwd, 'plain'), fdType: char('f') }
    expect(only(mine, 'writev', { abi: 2 })).toMatchObject({ ...file, ret: 5 })
    expect(only(mine, 'readv', { abi: 2 })).toMatchObject({ ...file, ret: 4 })
    const reads = requests.filter(({ event }) => event === 'read')
    expect(reads.map(({ ret }) => ret)).toEqual([2, 3, 0])
    for (const read of reads) expect(read).toMatchObject({ table: 'file', fdType: char('p') })
  })

  test('of Seamark itself are left out, so that it does not feed on what it writes', async () => {
    const { rows } = await capture(planFor(['write', 'read', 'futex', 'epoll_wait']), async () => {
      const started = Date.now()
      while (Date.now() - started < 500) process.stderr.write('')
    })
    expect(rows.filter(({ by }) => by.pid === process.pid)).toEqual([])
  })
})
