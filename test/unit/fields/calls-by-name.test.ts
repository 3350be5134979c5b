/** What the fields, arguments and documents of calls say that are captured only by name. */
import { describe, expect, test } from 'vitest'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import type { TableName } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { DocumentWriter } from '../../../core/fields/document.ts'
import { argumentsText } from '../../../core/fields/event-arguments.ts'
import { EVENT_TYPES, type EventTypeName } from '../../../core/fields/event-types.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'

function at(type: EventTypeName, table: TableName, row: Row): Cursor {
  const builder = new BatchBuilder(0n)
  builder.addEvent(table as 'file', 0n, { type: EVENT_TYPES[type].code, ...row })
  const batch = builder.build()
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.moveTo(batch.tables[table]!, 0)
  return cursor
}

const char = (letter: string) => letter.charCodeAt(0)
const FILE: Row = { fd: 3, fdType: char('f'), path: '/etc/passwd' }
const SOCKET: Row = { fd: 4, fdType: char('4'), family: 2, protocol: 6, localIp: '10.0.0.1', localPort: 9 }
const PEER: Row = { remoteIp: '10.0.0.2', remotePort: 80 }

describe('the arguments of a call by name', () => {
  test.each<[EventTypeName, TableName, Row, string]>([
    ['read', 'file', { ...FILE, ret: 5, size: 64 }, 'res=5 fd=3(<f>/etc/passwd) size=64'],
    [
      'write',
      'network',
      { ...SOCKET, ...PEER, ret: -11, size: 9 },
      'res=-11(EAGAIN) fd=4(<4t>10.0.0.1:9->10.0.0.2:80) size=9',
    ],
    ['close', 'file', { fd: 7, ret: 0 }, 'res=0 fd=7'],
    [
      'fcntl',
      'file',
      { ...FILE, ret: 0, arg1: 1030, arg2: 9 },
      'res=0 fd=3(<f>/etc/passwd) cmd=1030(F_DUPFD_CLOEXEC) arg=9',
    ],
    [
      'ioctl',
      'file',
      { ...FILE, ret: -25, arg1: 0x5412, arg2: 16 },
      'res=-25(ENOTTY) fd=3(<f>/etc/passwd) request=5412 argument=10',
    ],
    [
      'mmap',
      'call',
      { ...FILE, ret: 4096, arg0: 0, arg1: 8192, arg2: 5, flags: 0x802, arg5: 0 },
      'res=4096 addr=0 length=8192 prot=5(PROT_READ|PROT_EXEC) flags=2050(MAP_PRIVATE|MAP_DENYWRITE) fd=3(<f>/etc/passwd) offset=0',
    ],
    ['access', 'file', { rawPath: '/x', ret: 0, mode: 0 }, 'res=0 name=/x mode=0(F_OK)'],
    [
      'setxattr',
      'file',
      { rawPath: '/x', text1: 'security.capability', size: 20, flags: 0, ret: 0 },
      'ID=setxattr res=0 path=/x name=security.capability size=20 flags=0',
    ],
    [
      'perf_event_open',
      'call',
      { ret: 3, fd: 3, fdType: char('o'), arg1: 0, arg2: 2 ** 32 - 1, arg3: -1, flags: 8 },
      'ID=perf_event_open res=3 fd=3(<o>) pid=0 cpu=-1 group_fd=-1 flags=8',
    ],
    [
      'futex',
      'call',
      { ret: 0, arg0: 0xabc, arg1: 129, arg2: 1 },
      'res=0 addr=ABC op=129(FUTEX_PRIVATE_FLAG|FUTEX_WAKE) val=1',
    ],
    ['getuid', 'call', { ret: 0 }, 'uid=0(root)'],
    [
      'move_mount',
      'file',
      { rawPath: 'a', dirFd: 5, dirPath: '/m', rawPath2: '/b', dirFd2: -100, flags: 4, ret: 0 },
      'ID=move_mount res=0 from_dirfd=5(<f>/m) from_path=/m/a to_dirfd=-100(AT_FDCWD) to_path=/b flags=4',
    ],
  ])('%s in %s', (type, table, row, text) => {
    expect(argumentsText(at(type, table, row))).toBe(text)
  })
})

describe('the fields of a call by name', () => {
  const values = (cursor: Cursor, names: readonly string[]) =>
    names.map((name) => readerOf(findField(name, null)!.field, null)(cursor))

  test('say whether and where data goes', () => {
    const io = ['evt.is_io', 'evt.is_io_read', 'evt.is_io_write', 'evt.io_dir', 'evt.buflen', 'evt.category']
    expect(values(at('read', 'file', { ...FILE, ret: 5, size: 64 }), io)).toEqual([
      true,
      true,
      false,
      'read',
      5,
      'file',
    ])
    const sent = at('writev', 'network', { ...SOCKET, ret: -11, size: -11 })
    expect(values(sent, io)).toEqual([true, false, true, 'write', 0, 'net'])
    const piped = at('write', 'file', { fd: 1, fdType: char('p'), ret: 1, size: 1 })
    expect(values(piped, io)).toEqual([true, false, true, 'write', 1, 'ipc'])
    expect(values(at('fsync', 'file', { ...FILE, ret: 0 }), io)).toEqual([
      false,
      false,
      false,
      undefined,
      undefined,
      'file',
    ])
  })

  test('count failures of memory apart, and know what only waits', () => {
    const names = ['evt.count.error.memory', 'evt.count.error.file', 'evt.count.error.other', 'evt.is_wait']
    expect(values(at('munmap', 'call', { ret: -22 }), names)).toEqual([1, undefined, undefined, false])
    expect(values(at('mmap', 'call', { ...FILE, ret: -12 }), names)).toEqual([1, 1, undefined, false])
    expect(values(at('poll', 'call', { ret: -4 }), names)).toEqual([0, undefined, 1, true])
    expect(values(at('write', 'file', { ...FILE, ret: -28 }), names)).toEqual([0, 1, undefined, false])
  })

  test('tell of a descriptor what is known, and of a path only where the call takes one', () => {
    const names = ['fd.num', 'fd.name', 'fd.connected', 'fd.is_upper_layer', 'fs.path.name']
    expect(values(at('close', 'file', { fd: 7, ret: 0 }), names)).toEqual([
      7,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(values(at('fstat', 'file', { ...FILE, fdLayer: 1, ret: 0 }), names)).toEqual([
      3,
      '/etc/passwd',
      false,
      true,
      undefined,
    ])
    const peers = at('read', 'network', { ...SOCKET, ...PEER, ret: 1 })
    expect(values(peers, names)).toEqual([4, '10.0.0.1:9->10.0.0.2:80', true, false, undefined])
    expect(values(at('stat', 'file', { rawPath: '/x', ret: 0 }), names)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      '/x',
    ])
  })
})

test.each<[EventTypeName, TableName, Row, string, string]>([
  ['read', 'file', FILE, 'file', 'access'],
  ['write', 'file', FILE, 'file', 'change'],
  ['write', 'network', { ...SOCKET, ...PEER }, 'network', 'info'],
  ['setxattr', 'file', { rawPath: '/x' }, 'file', 'change'],
  ['fstat', 'file', FILE, 'file', 'info'],
  ['mprotect', 'call', {}, 'process', 'info'],
])('the document of %s in %s has its arguments, category %s and type', (type, table, row, category, kind) => {
  const { event, seamark } = new DocumentWriter().document(at(type, table, { ...row, ret: 0 })) as {
    event: unknown
    seamark: { args: string }
  }
  expect(event).toMatchObject({ action: type, category: [category], type: [kind], outcome: 'success' })
  expect(seamark.args).toContain('res=0')
})
