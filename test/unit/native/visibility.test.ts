/** Each way in which capture can be impossible is told with its reason and its remedy. */
import { describe, expect, test } from 'vitest'
import {
  type LoadedAddon,
  loadAddon,
  type NativeObject,
  type NativeProbe,
} from '../../../collector/sources/syscalls/addon.ts'
import { findCgroupHierarchy } from '../../../collector/sources/syscalls/cgroup-hierarchy.ts'
import { SyscallSource } from '../../../collector/sources/syscalls/syscall-source.ts'
import { describeVisibility, isOlderThan } from '../../../collector/sources/syscalls/visibility.ts'

const addon = { addon: {}, path: '' } as LoadedAddon
const object = (name: string, errno: number): NativeObject => ({ name, errno, reason: `hook of ${name}` })
const probe = (changes: Partial<NativeProbe>): NativeProbe => ({
  release: '6.12.0',
  hasBtf: true,
  hasCapabilities: true,
  objects: ['process', 'syscalls', 'cgroups', 'uring'].map((name) => object(name, 0)),
  ...changes,
})

describe('visibility', () => {
  test('of a capable host has nothing blind', () => {
    expect(describeVisibility(addon, probe({}))).toMatchObject({ source: 'syscall', blind: [] })
  })

  test('without an addon names the reason and how to build it', () => {
    const { blind, sees } = describeVisibility({ addon: null, reason: 'no file' }, null)
    expect(sees).toEqual([])
    expect(blind[0]!.why).toContain('no file')
    expect(blind[0]!.fix).toContain('native:build')
  })

  test('without type information says so', () => {
    expect(describeVisibility(addon, probe({ hasBtf: false })).blind[0]!.why).toContain('/sys/kernel/btf/vmlinux')
  })

  test('without privileges names the capabilities', () => {
    const objects = [object('process', 1)]
    const { blind } = describeVisibility(addon, probe({ hasCapabilities: false, objects }))
    expect(blind[0]!.why).toContain('EPERM')
    expect(blind[0]!.fix).toContain('CAP_BPF')
  })

  test('of an old kernel names the one that is needed', () => {
    const { blind } = describeVisibility(addon, probe({ release: '5.10.0-32-amd64', objects: [object('process', 7)] }))
    expect(blind[0]!.why).toContain('too old')
    expect(blind[0]!.fix).toContain('5.17')
  })

  test('of one missing hook keeps the rest', () => {
    const objects = [object('process', 0), object('syscalls', 0), object('cgroups', 0), object('uring', 2)]
    const { blind, sees } = describeVisibility(addon, probe({ objects }))
    expect(sees).toHaveLength(3)
    expect(blind).toHaveLength(1)
    expect(blind[0]!.what).toContain('io_uring')
    expect(blind[0]!.why).toContain('ENOENT for hook of uring')
  })

  test('of a refusal that has no known reason asks for the release', () => {
    expect(describeVisibility(addon, probe({ objects: [object('process', 1)] })).blind[0]!.fix).toContain('lockdown')
  })
})

test('kernel releases compare by number, not by text', () => {
  expect(isOlderThan('5.10.0-32-amd64', '5.17')).toBe(true)
  expect(isOlderThan('5.17.0', '5.17')).toBe(false)
  expect(isOlderThan('6.1.0', '5.17')).toBe(false)
  expect(isOlderThan('10.0', '5.17')).toBe(false)
  expect(isOlderThan('unknown', '5.17')).toBe(false)
})

describe('the cgroup hierarchy', () => {
  const line = (mountPoint: string, rest: string) => `30 20 0:26 / ${mountPoint} rw,nosuid shared:9 - ${rest}`
  const unified = line('/sys/fs/cgroup', 'cgroup2 cgroup2 rw,nsdelegate')
  const memory = line('/sys/fs/cgroup/memory', 'cgroup cgroup rw,memory')

  test('is the unified one where there is no other', () => {
    expect(findCgroupHierarchy(unified)).toEqual({ version: 2, mountPoint: '/sys/fs/cgroup' })
  })

  test('is the memory hierarchy of v1 on hybrid and old hosts', () => {
    const hybrid = `${line('/sys/fs/cgroup/unified', 'cgroup2 cgroup2 rw')}\n${memory}\n`
    expect(findCgroupHierarchy(hybrid)).toEqual({ version: 1, mountPoint: '/sys/fs/cgroup/memory' })
    const pids = line('/sys/fs/cgroup/pids', 'cgroup cgroup rw,pids')
    expect(findCgroupHierarchy(`${pids}\n${memory}`)).toEqual({ version: 1, mountPoint: '/sys/fs/cgroup/memory' })
  })

  test('may be mounted nowhere', () => {
    expect(findCgroupHierarchy('')).toEqual({ version: 2, mountPoint: null })
  })
})

test.skipIf(loadAddon().addon === null).each([1000, 65_537, 32_768, 2 ** 31, Number.NaN])(
  'a ring of %d bytes is refused before anything is loaded',
  async (bulkRingBytes) => {
    const plan = { version: 't', eventTypes: [], scope: 'all' as const, environment: false }
    const start = new SyscallSource({ bulkRingBytes }).start({ emit: async () => true }, null, plan)
    await expect(start).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
  },
)
