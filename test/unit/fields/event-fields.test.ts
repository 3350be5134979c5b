/** Fields of the event itself that follow from its type, its result and its paths. */
import { describe, expect, test } from 'vitest'
import { TABLES } from '../../../core/batch/schema.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { FIELDS } from '../../../core/fields/index.ts'
import { checkPredicate } from '../../../core/language/condition/check.ts'
import { parseCondition } from '../../../core/language/condition/parser.ts'
import { type GivenEvent, fieldValue as value } from '../../support/field-values.ts'

const failedOpen: GivenEvent = {
  type: 'openat',
  row: { ret: -2, fd: -1, rawPath: '../shadow', dirFd: 5, dirPath: '/etc/x', flags: 0x241, tid: 12 },
}
const rename: GivenEvent = {
  type: 'rename',
  row: { ret: 0, rawPath: '/a/../b', rawPath2: 'c' },
  process: { cwd: '/d' },
}
const send: GivenEvent = { type: 'sendto', row: { ret: 3, size: 3, socketPath: '/dev/log', fd: 9, tid: 12 } }
const receive: GivenEvent = { type: 'recvmsg', row: { ret: 3, size: 3, socketPath: '/run/x', fd: 9, tid: 12 } }
const execve: GivenEvent = { type: 'execve', row: { ret: -13 } }
const docker: GivenEvent = { type: 'docker', row: { action: 'start', objectType: 'container', objectId: 'abc' } }

describe('an event', () => {
  test('is asked for its type with evt.type.is', () => {
    expect([value(failedOpen, 'evt.type.is.openat'), value(failedOpen, 'evt.type.is[open]')]).toEqual([1, 0])
    expect(value(docker, 'evt.type.is.docker')).toBe(1)
  })

  test('happens in a folder, whose path ends with a slash', () => {
    expect(value(rename, 'proc.cwd')).toBe('/d/')
    expect(value({ type: 'rename', process: { cwd: '/' } }, 'proc.cwd')).toBe('/')
    expect(value(send, 'proc.cwd')).toBeUndefined()
  })

  test('comes from a program that is in memory only, whose path is a name without a slash', () => {
    const hidden = '/memfd:hidden'
    expect(value({ type: 'rename', process: { exePath: hidden, exeFlags: 2 } }, 'proc.exepath')).toBe('memfd:hidden')
    expect(value({ type: 'rename', process: { exePath: hidden, exeFlags: 0 } }, 'proc.exepath')).toBe(hidden)
    expect(value({ type: 'rename', process: { exePath: '/bin/gone', exeFlags: 2 } }, 'proc.exepath')).toBe('/bin/gone')
    expect(value(send, 'proc.exepath')).toBeUndefined()
  })

  test('has none of what its table has no columns for', () => {
    const strays: string[] = []
    for (const field of FIELDS) {
      const { read } = field
      if (read.from !== 'derived' || read.columns === undefined || field.argumentRequired) continue
      for (const event of [failedOpen, send, execve, docker, { type: 'ptrace', row: { ret: 0 } } as GivenEvent]) {
        const table = EVENT_TYPES[event.type].tables[0]
        const columns: readonly string[] = TABLES[table].columns
        if (read.columns.some((column) => columns.includes(column))) continue
        if (value(event, field.name) !== undefined) strays.push(`${field.name} of ${event.type}`)
      }
    }
    expect(strays).toEqual([])
    expect(value(send, 'fd.is_server')).toBe(false)
  })

  test('has raw arguments beside the readable ones', () => {
    expect(value(failedOpen, 'evt.arg.flags')).toContain('O_')
    expect(value(failedOpen, 'evt.rawarg.flags')).toBe('577')
    expect(value(failedOpen, 'evt.rawarg[fd]')).toBe('-1')
    expect(value(failedOpen, 'evt.rawarg[no]')).toBeUndefined()
  })

  test('has absolute paths made from what it was given', () => {
    expect(value(failedOpen, 'evt.abspath')).toBe('/etc/shadow')
    expect([value(rename, 'evt.abspath.src'), value(rename, 'evt.abspath.dst')]).toEqual(['/b', '/d/c'])
    expect(value(send, 'evt.abspath')).toBeUndefined()
  })

  test.each([
    ['evt.count.error', [1, 0, 0, 1]],
    ['evt.count.error.file', [1, 0, undefined, undefined]],
    ['evt.count.error.net', [undefined, undefined, 0, undefined]],
    ['evt.count.error.other', [undefined, undefined, undefined, 1]],
    ['evt.count.error.memory', [0, 0, 0, 0]],
    ['evt.count.exit', [1, 1, 1, 1]],
  ])('%s counts failures of its kind of call', (name, expected) => {
    expect([failedOpen, rename, send, execve].map((event) => value(event, name))).toEqual(expected)
  })

  test('that sends or receives has a direction, and one to /dev/log is for syslog', () => {
    expect([send, receive, rename].map((event) => value(event, 'evt.io_dir'))).toEqual(['write', 'read', undefined])
    expect([send, receive, rename].map((event) => value(event, 'evt.is_syslog'))).toEqual([true, false, false])
    const journal = { ...send, row: { ...send.row, socketPath: '/run/systemd/journal/dev-log' } }
    expect(value(journal, 'evt.is_syslog')).toBe(true)
    expect(value(send, 'evt.is_wait')).toBe(false)
  })

  test('of another source than system calls names it and says what happened', () => {
    expect([value(docker, 'evt.pluginname'), value(docker, 'evt.plugininfo')]).toEqual([
      'docker',
      'container start abc',
    ])
    const health: GivenEvent = { type: 'health', row: { message: 'all is well', kindName: 'x' } }
    expect([value(health, 'evt.pluginname'), value(health, 'evt.plugininfo')]).toEqual(['health', 'all is well'])
    expect([value(rename, 'evt.pluginname'), value(rename, 'evt.plugininfo')]).toEqual([undefined, undefined])
  })

  test('on a descriptor has an id made of thread and number, and both ports as its protocol', () => {
    expect([value(send, 'fd.uid'), value(failedOpen, 'fd.uid')]).toEqual(['129', undefined])
    const connect: GivenEvent = {
      type: 'connect',
      row: { localIp: '::1', localPort: 1, remoteIp: '::1', remotePort: 2 },
    }
    expect(value(connect, 'fd.proto')).toEqual([1, 2])
  })
})

test('arguments of a process are counted from the one after its name', () => {
  const of = (name: string) => value({ type: 'openat', process: { argv: 'sh\0-c\0echo a b' } }, name)
  expect([of('proc.args'), of('proc.args[0]'), of('proc.args[1]'), of('proc.args[2]')]).toEqual([
    '-c echo a b',
    '-c',
    'echo a b',
    undefined,
  ])
})

test('evt.around asks for a time that is at most so far away', () => {
  const event = { ...rename, atNs: 1_404_996_934_793_590_564n }
  expect(value(event, 'evt.around[1404996934793590564]')).toBe(0)
  expect(value(event, 'evt.around[1404996935293590564]')).toBe(500)
  const parsed = parseCondition('evt.around[1404996934793590564]=1000')
  if (!parsed.ok || parsed.node.kind !== 'check') throw new Error('no check')
  expect(checkPredicate(parsed.node, 'syscall').predicate).toMatchObject({ operator: '<=' })
})

describe('of a pod', () => {
  const container = {
    labels: 'io.kubernetes.pod.name=web-7c5ddbdf54-x2kqp\0io.kubernetes.container.name=app',
    podLabels: 'app.kubernetes.io/name=web\0pod-template-hash=7c5ddbdf54',
    podIp: '10.1.2.3',
  }
  const of = (row: object, name: string) => value({ type: 'openat', container: { ...container, ...row } }, name)

  test('labels and address are those of its sandbox', () => {
    expect(of({}, 'k8s.pod.label[app.kubernetes.io/name]')).toBe('web')
    expect(of({}, 'k8s.pod.label.pod-template-hash')).toBe('7c5ddbdf54')
    expect(of({}, 'k8s.pod.labels')).toBe('app.kubernetes.io/name:web,pod-template-hash:7c5ddbdf54')
    expect(of({}, 'k8s.pod.ip')).toBe('10.1.2.3')
  })

  test('deployment and replica set are told where its name is made of them', () => {
    expect([of({}, 'k8s.deployment.name'), of({}, 'k8s.rs.name')]).toEqual(['web', 'web-7c5ddbdf54'])
    const other = { labels: 'io.kubernetes.pod.name=web-7c5ddbdf54-mine' }
    expect([of(other, 'k8s.deployment.name'), of(other, 'k8s.rs.name')]).toEqual([undefined, undefined])
    expect(of({ podLabels: 'app=web' }, 'k8s.rs.name')).toBeUndefined()
  })
})

test('a health check is a command, or NONE once the container was inspected', () => {
  const of = (row: object) => value({ type: 'openat', container: row }, 'container.healthcheck')
  expect(of({ containerFlags: 1, healthcheck: 'CMD-SHELL\0curl -f localhost' })).toBe('curl -f localhost')
  expect(of({ containerFlags: 1 })).toBe('NONE')
  expect(of({ containerFlags: 0 })).toBeUndefined()
})

test('host names of the ends follow who is the server', () => {
  const row = { localIp: '10.0.0.1', remoteIp: '10.0.0.2', remoteNames: 'a.example\0b.example', role: 2 }
  expect(value({ type: 'accept', row }, 'fd.cip.name')).toEqual(['a.example', 'b.example'])
  expect(value({ type: 'accept', row }, 'fd.rip.name')).toEqual(['a.example', 'b.example'])
  expect(value({ type: 'accept', row }, 'fd.sip.name')).toBeUndefined()
  expect(value({ type: 'connect', row: { ...row, role: 1 } }, 'fd.sip.name')).toEqual(['a.example', 'b.example'])
})

test("names that nobody knows are Falco's <NA>, a value like any other; without a process there is none", () => {
  const unknown: GivenEvent = { type: 'execve', row: { ret: 0 }, process: { uid: 12_345, comm: 'x' } }
  for (const name of ['user.name', 'user.loginname', 'group.name', 'user.shell', 'user.homedir'])
    expect(value(unknown, name), name).toBe('<NA>')
  expect(value({ ...unknown, process: { uid: 0, userName: 'root' } }, 'user.name')).toBe('root')
  expect(value(docker, 'user.name')).toBeUndefined()
  const open: GivenEvent = { type: 'openat', row: { ret: 3, fd: 3, path: '/x' } }
  expect([value(open, 'fd.l4proto'), value(failedOpen, 'fd.l4proto')]).toEqual(['<NA>', undefined])
})

test('the flags of an exec say what is special about its file', () => {
  const exec = (exeFlags: number) => value({ type: 'execve', row: { ret: 0, exeFlags } }, 'evt.arg.flags')
  expect([exec(5), exec(2), exec(16), exec(8)]).toEqual([
    'EXE_WRITABLE|EXE_UPPER_LAYER',
    'EXE_FROM_MEMFD',
    'EXE_LOWER_LAYER',
    '0',
  ])
  expect(value({ type: 'execve', row: { ret: 0, exeFlags: 5 } }, 'evt.rawarg.flags')).toBe('3')
  expect(value(execve, 'evt.arg.flags')).toBeUndefined()
})
