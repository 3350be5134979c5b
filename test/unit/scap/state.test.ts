/** What a capture says of its machine is used, and its events keep it up; what is damaged or too much is said. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CaptureDecoder } from '../../../collector/sources/scap/capture-decoder.ts'
import { openCapture } from '../../../collector/sources/scap/capture-file.ts'
import { type Batch, eventTables } from '../../../core/batch/batch.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import {
  block,
  descriptorBlock,
  eventBlock,
  ipv4Tuple,
  type Parameter,
  processBlock,
  sectionBlock,
  u32,
  userBlock,
} from './capture-writer.ts'

const SHELL = { tid: 10, comm: 'bash', args: '-i\0', cwd: '/srv', uid: 1000 }
const MACHINE = [
  sectionBlock(),
  userBlock([[1000, 'ann']]),
  processBlock([{ tid: 1, ptid: 0, comm: 'init' }, SHELL]),
  descriptorBlock(10, [[5, '/srv']]),
]
let clock = 1_700_000_000_000_000_000n
const event = (code: number, tid: number, ...parameters: Parameter[]) =>
  eventBlock({ code, tid, timeNs: clock++, parameters })

/** Each event's fields, as text. */
function read(blocks: readonly Buffer[], fields: readonly string[], eventTypes?: readonly string[]): string[] {
  const decoder = new CaptureDecoder(eventTypes === undefined ? {} : { eventTypes })
  const batches: Batch[] = [...decoder.push(Buffer.concat(blocks))]
  decoder.end()
  batches.push(...decoder.finish())
  const cursor = new Cursor()
  const lines: string[] = []
  for (const batch of batches) {
    cursor.open(batch)
    const rows = eventTables(batch).flatMap((table) =>
      Array.from({ length: table.rowCount }, (_, row) => ({ table, row })),
    )
    const at = (one: (typeof rows)[number]) => (one.table.columns.ordinal as Uint32Array)[one.row]!
    for (const { table, row } of rows.sort((a, b) => at(a) - at(b))) {
      cursor.moveTo(table, row)
      const values = fields.map((name) => {
        const found = findField(name, null)!
        return readerOf(found.field, found.argument)(cursor)
      })
      lines.push(values.join(' '))
    }
  }
  return lines
}

const execve = (tid: number, comm: string, uid: number) =>
  event(
    293,
    tid,
    0,
    comm,
    'x\0',
    tid,
    tid,
    10,
    '/srv',
    0,
    0,
    0,
    u32(0),
    u32(0),
    u32(0),
    comm,
    'cpu=/\0',
    'A=1\0',
    u32(34816),
    tid,
    u32(1000),
    u32(4),
    0,
    0,
    0,
    99,
    5,
    6,
    u32(uid),
    `/usr/bin/${comm}`,
    tid,
    u32(0),
    comm,
  )
const clone = (tid: number, result: number, flags: number) =>
  event(
    223,
    tid,
    result,
    'bash',
    '-i\0',
    tid,
    tid,
    10,
    '/srv',
    0,
    0,
    0,
    u32(0),
    u32(0),
    u32(0),
    'bash',
    'cpu=/\0',
    u32(flags),
    u32(1000),
    u32(0),
    tid,
    tid,
  )

test('a child has its parent, its own image and a copy of the descriptors', () => {
  const lines = read(
    [
      ...MACHINE,
      clone(10, 11, 0),
      clone(11, 0, 0),
      execve(11, 'cat', 1000),
      event(307, 11, 3, 5, 'passwd', u32(1), u32(0), u32(0), 0),
    ],
    ['evt.type', 'proc.name', 'proc.pname', 'proc.exepath', 'user.name', 'fd.name', 'proc.is_exe_from_memfd'],
  )
  expect(lines).toEqual([
    'clone bash init /bin/bash ann  false',
    'clone bash bash /bin/bash ann  false',
    'execve cat bash /usr/bin/cat ann  true',
    'openat cat bash /usr/bin/cat ann /srv/passwd true',
  ])
})

test("the children of a process that ends are the reaper's, or their grandparent's", () => {
  const family = processBlock([
    { tid: 11, ptid: 10, comm: 'make' },
    { tid: 12, ptid: 11, comm: 'cc' },
    { tid: 13, ptid: 12, comm: 'as' },
  ])
  const lines = read(
    [
      ...MACHINE,
      family,
      event(301, 12, 0, '/x'),
      event(186, 11, 0, 0, Buffer.from([9]), Buffer.from([0])),
      event(301, 12, 0, '/x'),
      event(186, 12, 0, 0, Buffer.from([0]), Buffer.from([0]), 1),
      event(301, 13, 0, '/x'),
    ],
    ['evt.type', 'proc.name', 'proc.pname'],
  )
  expect(lines).toEqual([
    'unlink cc make',
    'procexit make bash',
    'unlink cc bash',
    'procexit cc bash',
    'unlink as init',
  ])
})

test('calls by name carry what the capture has of them, on whatever the descriptor is', () => {
  const prot = u32(5)
  const lines = read(
    [
      ...MACHINE,
      event(3, 10, 3, '/srv/data', u32(3), u32(0), u32(1), 77),
      event(9, 10, 5, Buffer.from('hello'), 3, u32(5)),
      event(151, 10, 0, 3, Buffer.from([3]), 1),
      event(161, 10, 0x1000, u32(1), u32(1), u32(0), 0, 4096, prot, u32(0b10), 3, 0),
      event(265, 10, -2, '/absent', u32(4)),
      event(203, 10, u32(1000)),
      event(5, 10, 0, 3),
      event(71, 10, -9, 3),
    ],
    ['evt.type', 'evt.args', 'fd.name', 'fs.path.name', 'evt.buffer'],
  )
  const file = 'fd=3(<f>/srv/data)'
  expect(lines).toEqual([
    `open ${file} name=/srv/data flags=2(O_RDWR) mode=0(0) dev=1 ino=77 /srv/data /srv/data `,
    `write res=5 ${file} size=5 /srv/data  hello`,
    `fcntl res=0 ${file} cmd=2(F_SETFD) arg=1 /srv/data  `,
    `mmap res=4096 addr=0 length=4096 prot=5(PROT_READ|PROT_EXEC) flags=2(MAP_PRIVATE) ${file} offset=0 /srv/data  `,
    'access res=-2(ENOENT) name=/absent mode=4(R_OK)  /absent ',
    'getuid uid=1000(ann)   ',
    `close res=0 ${file} /srv/data  `,
    'fstat res=-9(EBADF) fd=3   ',
  ])
})

test('a pidfd has its flags, and a call meant for another kind of descriptor its texts on a socket, too', () => {
  const lines = read(
    [
      ...MACHINE,
      event(409, 10, 6, 10, u32(1)),
      event(409, 10, 8, 10, u32(0)),
      event(19, 10, 7, u32(2), u32(1), u32(0)),
      event(373, 10, -22, 7, u32(1), 'source', '', 'none', u32(0)),
    ],
    ['evt.type', 'evt.args'],
  )
  expect(lines.filter((line) => !line.startsWith('socket'))).toEqual([
    'pidfd_open fd=6(<P>) pid=10 flags=2048(PIDFD_NONBLOCK)',
    'pidfd_open fd=8(<P>) pid=10 flags=0(0)',
    'fsconfig res=-22(EINVAL) fd=7(<4t>) cmd=1(FSCONFIG_SET_STRING) key=source value_charbuf=none aux=0',
  ])
})

test('setreuid and setregid change whom the events after them are by', () => {
  const lines = read(
    [...MACHINE, event(427, 10, 0, u32(-1), u32(0)), event(429, 10, -1, u32(5), u32(5)), event(433, 10, 0, 3)],
    ['evt.type', 'user.uid', 'evt.args'],
  )
  expect(lines).toEqual([
    'setreuid 0 res=0 ruid=4294967295 euid=0(root)',
    'setregid 0 res=-1(EPERM) rgid=5 egid=5',
    'keyctl 0 res=0 operation=3',
  ])
})

test('a call that is only numbered has its name, by the number of captures or else of x86-64', () => {
  const short = (value: number) => {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16LE(value)
    return bytes
  }
  const generic = (...ids: number[]) => event(1, 10, ...ids.map(short))
  const lines = read(
    [...MACHINE, generic(139, 28), generic(0, 221), generic(123, 113), generic(2, 60), generic(60_000, 60_000)],
    ['evt.type', 'proc.name'],
  )
  // One that never returns, and one that nobody knows, are no events.
  expect(lines).toEqual(['madvise bash', 'fadvise64 bash', 'setreuid bash'])
})

test('calls by name that no rule asks for are left out, and followed all the same', () => {
  const blocks = [
    ...MACHINE,
    event(3, 10, 3, '/srv/data', u32(1), u32(0), u32(1), 77),
    event(7, 10, 0, '', 3, u32(5)),
    event(5, 10, 0, 3),
    event(317, 10, 0, 3, u32(0o600)),
    event(1, 10, Buffer.from([139, 0]), Buffer.from([28, 0])),
  ]
  const fields = ['evt.type', 'fd.name']
  expect(read(blocks, fields, [])).toEqual(['open /srv/data', 'fchmod '])
  expect(read(blocks, fields, ['read'])).toEqual(['open /srv/data', 'read /srv/data', 'fchmod '])
  expect(read(blocks, fields)).toEqual(['open /srv/data', 'read /srv/data', 'close /srv/data', 'fchmod ', 'madvise '])
})

test('descriptors follow dup, close and the calls on sockets', () => {
  const tuple = ipv4Tuple(['10.0.0.1', 4000], ['10.0.0.2', 443])
  const lines = read(
    [
      ...MACHINE,
      event(19, 10, 7, u32(2), u32(1), u32(0)),
      event(23, 10, 0, tuple, 7),
      event(367, 10, 8, 7),
      event(5, 10, 0, 7),
      event(31, 10, 5, '', 8, u32(5), ''),
      event(31, 10, 5, '', 7, u32(5), ''),
      event(389, 10, 9, ipv4Tuple(['10.0.0.9', 5000], ['10.0.0.1', 80])),
    ],
    ['evt.type', 'fd.num', 'fd.name', 'fd.sip', 'fd.sport', 'fd.l4proto', 'fd.is_server'],
  )
  expect(lines).toEqual([
    'socket 7    tcp false',
    'connect 7 10.0.0.1:4000->10.0.0.2:443 10.0.0.2 443 tcp false',
    'dup 8 10.0.0.1:4000->10.0.0.2:443 10.0.0.2 443 tcp false',
    'close 7 10.0.0.1:4000->10.0.0.2:443 10.0.0.2 443 tcp false',
    'sendto 8 10.0.0.1:4000->10.0.0.2:443 10.0.0.2 443 tcp false',
    'sendto 7     false',
    'accept4 9 10.0.0.9:5000->10.0.0.1:80 10.0.0.1 80 tcp true',
  ])
})

test('directory, user and name change with the calls that change them', () => {
  const lines = read(
    [
      ...MACHINE,
      event(95, 10, 0, 'deep/../etc'),
      event(199, 10, 0, u32(0)),
      event(199, 10, -1, u32(77)),
      event(401, 10, 0, u32(15), 'worker', 0),
      event(317, 10, 0, 5, u32(0o600)),
    ],
    ['evt.type', 'proc.cwd', 'user.uid', 'proc.name', 'evt.res'],
  )
  expect(lines).toEqual([
    'chdir /srv/etc/ 1000 bash SUCCESS',
    'setuid /srv/etc/ 0 bash SUCCESS',
    'setuid /srv/etc/ 0 bash EPERM',
    'prctl /srv/etc/ 0 worker SUCCESS',
    'fchmod /srv/etc/ 0 worker SUCCESS',
  ])
})

test('what the return of a call lacks comes from its beginning', () => {
  const old = (code: number, ...parameters: Parameter[]) =>
    eventBlock({ code, tid: 10, timeNs: clock++, parameters, counted: false, withFlags: true })
  const lines = read(
    [...MACHINE, old(110, 5, 'gone'), old(111, 0), old(98, 'made', u32(0o755)), old(99, 0), old(111, 0)],
    ['evt.type', 'evt.num', 'fs.path.name', 'evt.arg.mode'],
  )
  expect(lines).toEqual([
    'unlinkat 1 /srv/gone ',
    'mkdir 2 /srv/made S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR',
    'unlinkat 3  ',
  ])
})

test('a container is named by its cgroup and by what an engine said', () => {
  const id = 'ab'.repeat(32)
  const json = JSON.stringify({
    container: {
      id: id.slice(0, 12),
      type: 0,
      name: 'web',
      image: 'nginx:1',
      imagerepo: 'nginx',
      privileged: true,
      Mounts: [{ Source: '/etc', Destination: '/host', Mode: '', RW: true, Propagation: '' }],
    },
  })
  const inside = processBlock([{ tid: 20, comm: 'nginx', cgroups: `cpu=/docker/${id}\0` }])
  const lines = read(
    [...MACHINE, inside, event(324, -1, json), event(301, 20, 0, '/x'), event(301, 10, 0, '/x')],
    ['container.id', 'container.name', 'container.image.repository', 'container.privileged', 'container.mounts'],
  )
  expect(lines).toEqual([`${id.slice(0, 12)} web nginx true /etc:/host::true:`, 'host host  false '])
})

test('what there is no room for is counted', () => {
  const decoder = new CaptureDecoder({ threads: { maxThreads: 2, maxDescriptors: 1 } })
  const blocks = [...MACHINE, event(301, 30, 0, '/x'), event(307, 10, 3, -100, '/a', u32(1), u32(0), u32(0), 0)]
  expect([...decoder.push(Buffer.concat(blocks))]).toEqual([])
  expect([...decoder.finish()].flatMap(eventTables).map(({ rowCount }) => rowCount)).toEqual([2])
  expect(decoder.dropped).toEqual({ threads: 1, descriptors: 1 })
})

test('what a process held is free again when the last thread that shares it has ended', () => {
  const decoder = new CaptureDecoder({ threads: { maxThreads: 10, maxDescriptors: 2 } })
  const open = (fd: number) => event(307, 10, fd, -100, '/a', u32(1), u32(0), u32(0), 0)
  const exit = (tid: number) => event(186, tid, 0, 0, Buffer.from([0]), Buffer.from([0]))
  const CLONE_FILES = 1
  // The child shares /srv and /a; its end frees nothing, the parent's frees both.
  const blocks = [...MACHINE, open(3), clone(10, 11, CLONE_FILES), exit(11), open(4), exit(10), open(3), open(4)]
  for (const _ of decoder.push(Buffer.concat(blocks))) expect.fail('so few rows are one batch')
  expect(decoder.dropped).toEqual({ threads: 0, descriptors: 1 })
})

test('descriptors of threads that there is no room for take none of the others', () => {
  const decoder = new CaptureDecoder({ threads: { maxThreads: 2, maxDescriptors: 3 } })
  const open = (tid: number) => event(307, tid, 3, -100, '/a', u32(1), u32(0), u32(0), 0)
  for (const _ of decoder.push(Buffer.concat([...MACHINE, ...[30, 31, 32, 33].map(open), open(10)])))
    expect.fail('so few rows are one batch')
  expect(decoder.dropped).toEqual({ threads: 4, descriptors: 0 })
})

const LARGE = block(0x204, Buffer.alloc(20))
LARGE.writeUInt32LE(0xfffffff0, 4)
const MISMATCH = block(0x204, Buffer.alloc(40))
MISMATCH.writeUInt32LE(7, MISMATCH.length - 4)
const at = sectionBlock().length

test.each([
  ['nothing', [], 0, /empty/],
  ['no section', [block(0x201, Buffer.alloc(8))], 0, /does not begin/],
  ['a block of 4 GB in 32 bytes', [sectionBlock(), LARGE], at, /cannot have 4294967280 bytes/],
  ['a trailer that differs', [sectionBlock(), MISMATCH], at + 48, /ends as one of 7/],
  ['an end within a block', [sectionBlock(), MISMATCH.subarray(0, 30)], at, /ends within a block/],
  ['an event without room', [sectionBlock(), block(0x216, Buffer.alloc(9))], at, /no room for its header/],
  [
    'four thousand million parameters',
    [sectionBlock(), block(0x216, Buffer.concat([Buffer.alloc(22), Buffer.from([3, 0]), u32(0xffffffff)]))],
    at,
    /4294967295 parameters/,
  ],
  ['a list that ends early', [sectionBlock(), block(0x215, u32(400))], at + 12, /396 bytes are said to follow, 0 do/],
] as const)('%s is told with its byte', async (_, blocks, offset, message) => {
  const folder = mkdtempSync(join(tmpdir(), 'scap-'))
  try {
    for (const packed of [false, true]) {
      const bytes = Buffer.concat(blocks)
      // Without its first bytes a file is not taken for a capture at all.
      if (!packed && bytes.subarray(0, 4).toString('hex') !== '0a0d0d0a') continue
      const file = join(folder, 'x.scap')
      writeFileSync(file, packed ? gzipSync(bytes) : bytes)
      const error = await openCapture(file)
        .then((batches) => Array.fromAsync(batches!))
        .then(
          () => null,
          (reason: unknown) => reason,
        )
      expect(error).toMatchObject({ code: 'E_RECORDING_CORRUPT', message: expect.stringMatching(message) })
      expect(error).toMatchObject({ message: expect.stringContaining(`${file}, byte ${offset}:`) })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
