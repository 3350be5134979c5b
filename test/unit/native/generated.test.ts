/** Generated and built things equal what they were made from. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { EVENT_VERSION, loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { BUDGETS, type SyscallSpec } from '../../../collector/sources/syscalls/syscall-spec.ts'
import { CALL_TABLE_BYTES, encodeCallTable, SYSCALLS } from '../../../collector/sources/syscalls/syscall-table.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { bpfSourceDigests, nativeSourcesDigest } from '../../../native/sources-digest.ts'
import { nativeHeaders } from '../../../scripts/generate-native-schema.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('the native headers', () => {
  test('are what `npm run generate` writes', () => {
    const headers = [...nativeHeaders()]
    expect(headers.length).toBeGreaterThan(0)
    for (const [path, text] of headers) expect(read(path), path).toBe(text)
  })

  test('of the kernel programs are older than none of their sources (else run scripts/build-bpf.sh)', () => {
    expect(read('native/bpf/generated/SOURCES.sha256')).toBe(bpfSourceDigests())
  })

  test('and the prebuilt addon come from the same sources (else run scripts/build-prebuilt.sh)', () => {
    expect(read('native/prebuilt/linux-x64/SOURCES.sha256').trim()).toBe(nativeSourcesDigest())
  })

  test('number the event version as TypeScript does', () => {
    expect(read('native/bpf/event.h')).toContain(`#define EVENT_VERSION ${EVENT_VERSION}\n`)
  })
})

describe('the table of calls', () => {
  test('has as many bytes as the addon expects', ({ skip }) => {
    const { addon } = loadAddon()
    if (addon === null) return skip('no addon here')
    expect(addon.callTableBytes).toBe(CALL_TABLE_BYTES)
  })

  test('gives no number to two calls', () => {
    const seen = new Map<string, string>()
    for (const [name, spec] of Object.entries(SYSCALLS) as [string, SyscallSpec][]) {
      const numbers = [
        ...(spec.x64 === undefined ? [] : [`x64 ${spec.x64}`]),
        ...(spec.ia32 ?? []).map((nr) => `ia32 ${nr}`),
        ...(spec.arm64 === undefined ? [] : [`arm64 ${spec.arm64}`]),
        ...(spec.uring ?? []).map((opcode) => `uring ${opcode}`),
      ]
      expect(numbers.length, name).toBeGreaterThan(0)
      for (const number of numbers) {
        expect(seen.get(number), `${number} of ${name}`).toBeUndefined()
        seen.set(number, name)
      }
    }
  })

  test('covers every event type of system calls that is not born from a tracepoint', () => {
    const fromTracepoints = ['clone', 'clone3', 'fork', 'vfork', 'procexit']
    const types = Object.entries(EVENT_TYPES).filter(([, type]) => type.source === 'syscall')
    const missing = types.map(([name]) => name).filter((name) => !(name in SYSCALLS) && !fromTracepoints.includes(name))
    expect(missing).toEqual([])
  })

  test('puts each call into a table that its event type allows', () => {
    for (const [name, spec] of Object.entries(SYSCALLS) as [keyof typeof SYSCALLS, SyscallSpec][]) {
      expect(EVENT_TYPES[name].tables as readonly string[], name).toContain(spec.table)
      expect(BUDGETS).toContain(spec.budget)
    }
  })

  test('enables what is asked for and what the process tree needs, nothing else', () => {
    const table = encodeCallTable(['openat'], false, 'x64')
    const isEnabled = (abi: number, nr: number) => (table[(abi * 512 + nr) * 16 + 2]! & 1) === 1
    expect([isEnabled(0, 257), isEnabled(1, 295), isEnabled(2, 18)]).toEqual([true, true, true])
    expect([isEnabled(0, 59), isEnabled(0, 80)]).toEqual([true, true])
    expect([isEnabled(0, 2), isEnabled(0, 42)]).toEqual([false, false])
  })
})
