/** What a process holds at the moment, read from the /proc of processes that really run. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { endOf, socketsOf } from '../../../collector/host/proc-sockets.ts'
import { readProc } from '../../../collector/host/process-facts.ts'
import { cgroupPaths, type ProcessState, readProcessState } from '../../../collector/host/process-state.ts'
import { parseAccounts, UserNames } from '../../../collector/host/user-names.ts'
import type { CaptureWant } from '../../../core/model/source.ts'
import { fieldValue } from '../../support/field-values.ts'

const folder = mkdtempSync(join(tmpdir(), 'seamark-state-'))
afterAll(() => rmSync(folder, { recursive: true }))

const EVERYTHING = new Set<CaptureWant>(['resources', 'descriptors', 'cgroups'])

function stateOf(pid: number, wants: ReadonlySet<CaptureWant> = EVERYTHING): ProcessState {
  return readProcessState(pid, readProc(pid)!.startNs, { wants })
}

function fieldOf(state: ProcessState, name: string, tid = 7) {
  return fieldValue({ type: 'openat', row: { tid }, process: state }, name)
}

test('a process that runs a file which was removed does not run one in memory', async () => {
  const program = join(folder, 'removed')
  copyFileSync('/bin/sleep', program)
  const child = spawn(program, ['60'])
  try {
    await once(child, 'spawn')
    rmSync(program)
    expect(readProc(child.pid!)?.facts).toMatchObject({ exePath: program, exeFlags: 0 })
  } finally {
    child.kill('SIGKILL')
  }
})

test('a socket whose path holds a line of its own making does not name others', () => {
  const line = (inode: number, path: string) => `0000000000000000: 00000002 00000000 00010000 0001 01 ${inode} ${path}`
  const net = mkdtempSync(join(folder, 'net-'))
  writeFileSync(join(net, 'unix'), [line(7, '/tmp/mine'), line(9, '@a'), line(7, '/run/docker.sock'), ''].join('\n'))
  expect(socketsOf(net, new Set(['7', '9', '8']))).toEqual(
    new Map([
      ['7', { type: 'unix', name: '' }],
      ['9', { type: 'unix', name: '@a' }],
    ]),
  )
})

describe('of a process', () => {
  test('memory, threads and CPU time are what /proc says', () => {
    const state = stateOf(process.pid)
    const status = readFileSync('/proc/self/status', 'latin1')
    const threads = Number(/^Threads:\s+(\d+)$/m.exec(status)![1])
    expect(fieldOf(state, 'proc.vmsize')).toBeGreaterThan(100_000)
    expect(fieldOf(state, 'proc.vmrss')).toBeLessThan(fieldOf(state, 'proc.vmsize') as number)
    expect(fieldOf(state, 'proc.vmswap')).toBeGreaterThanOrEqual(0)
    expect(Math.abs((fieldOf(state, 'proc.nthreads') as number) - threads)).toBeLessThanOrEqual(2)
    expect(fieldOf(state, 'proc.nchilds')).toBe((fieldOf(state, 'proc.nthreads') as number) - 1)
    expect(fieldOf(state, 'thread.pfminor')).toBeGreaterThan(100)
    expect(fieldOf(state, 'thread.pfmajor')).toBeGreaterThanOrEqual(0)
    expect(fieldOf(state, 'thread.totexectime')).toBeGreaterThan(1e8)
    expect(fieldOf(state, 'thread.vmsize')).toBe(fieldOf(state, 'proc.vmsize'))
    expect(fieldOf(state, 'thread.vmrss', 8)).toBe(0)
  })

  test('standard descriptors have type and name, the others a type', async () => {
    const out = join(folder, 'out')
    writeFileSync(out, '')
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const child = spawn(
      '/bin/bash',
      ['-c', `exec 5<>/dev/tcp/127.0.0.1/${port}; exec 6</tmp; echo ready >&2; read x <&0`],
      {
        stdio: ['pipe', openSync(out, 'w'), 'pipe'],
      },
    )
    try {
      await once(child.stderr!, 'data')
      const state = stateOf(child.pid!)
      expect(fieldOf(state, 'proc.stdin.type')).toMatch(/^(?:pipe|unix)$/)
      expect([fieldOf(state, 'proc.stdout.type'), fieldOf(state, 'proc.stdout.name')]).toEqual(['file', out])
      expect(fieldOf(state, 'fd.types[5]')).toEqual(['ipv4'])
      expect(fieldOf(state, 'fd.types[99]')).toBeUndefined()
      expect(fieldOf(state, 'fd.types')).toEqual(expect.arrayContaining(['file', 'ipv4']))
      expect(fieldOf(state, 'proc.fdopencount')).toBeGreaterThanOrEqual(5)
      const limit = fieldOf(state, 'proc.fdlimit') as number
      expect(fieldOf(state, 'proc.fdusage')).toBe(((fieldOf(state, 'proc.fdopencount') as number) * 100) / limit)
    } finally {
      child.kill('SIGKILL')
      server.close()
    }
  })

  test('a shell whose input is a connection shows where it leads', async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const child = spawn('/bin/bash', ['-c', `exec 0<>/dev/tcp/127.0.0.1/${port}; echo ready >&2; read x`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    try {
      await once(child.stderr!, 'data')
      const state = stateOf(child.pid!)
      expect(fieldOf(state, 'proc.stdin.type')).toBe('ipv4')
      expect(fieldOf(state, 'proc.stdin.name')).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}$`))
    } finally {
      child.kill('SIGKILL')
      server.close()
    }
  })

  test('cgroups are given by controller', () => {
    const state = { cgroupPaths: cgroupPaths('5:cpu,cpuacct:/a\n1:name=systemd:/b:c\n0::/d\nnonsense\n') }
    expect(fieldOf(state, 'thread.cgroups')).toBe('cpu=/a cpuacct=/a systemd=/b:c unified=/d')
    expect(fieldOf(state, 'thread.cgroup.cpuacct')).toBe('/a')
    expect(fieldOf(state, 'thread.cgroup[memory]')).toBeUndefined()
    expect(fieldOf(stateOf(process.pid), 'thread.cgroups')).toContain('=/')
  })
})

test('only what is asked for is read', () => {
  expect(stateOf(process.pid, new Set())).toEqual({})
  expect(Object.keys(stateOf(process.pid, new Set(['cgroups'])))).toEqual(['cgroupPaths'])
})

test('a process that is gone, or another one with its number, gives nothing', () => {
  expect(readProcessState(2 ** 22 + 1, 1, { wants: EVERYTHING })).toEqual({})
  const { startNs } = readProc(process.pid)!
  expect(readProcessState(process.pid, startNs + 1e9, { wants: EVERYTHING })).toEqual({})
})

test('addresses of the tables in /proc are read in the order of the machine', () => {
  expect(endOf('0100007F:1F90')).toBe('127.0.0.1:8080')
  expect(endOf('00000000000000000000000001000000:0016')).toBe('::1:22')
  expect(endOf('0000000000000000FFFF00000100007F:0050')).toBe('127.0.0.1:80')
  expect(endOf('B80D01200000000000000000010000A0:01BB')).toBe('2001:db8::a000:1:443')
})

test('homes and shells come from the same file as the names', async () => {
  const text =
    'root:x:0:0:root:/root:/bin/bash\nbad\nweb:x:33:33:,,:/var/www:/usr/sbin/nologin\nshort:x:5:5\nagain:x:33:1::/x:/y\n'
  expect([...parseAccounts(text)]).toEqual([
    [0, { home: '/root', shell: '/bin/bash' }],
    [33, { home: '/var/www', shell: '/usr/sbin/nologin' }],
  ])
  const users = new UserNames({ readInRoot: async () => Buffer.from(text) })
  await users.refresh('c', 1)
  expect(users.account('c', 33)).toEqual({ home: '/var/www', shell: '/usr/sbin/nologin' })
  expect(users.account('c', 5)).toBeUndefined()
  expect(users.account(null, 0)).toBeUndefined()
})
