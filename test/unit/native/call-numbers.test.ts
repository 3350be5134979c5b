/** The numbers of calls are those of the kernel's headers, as far as the machine has them. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { SyscallSpec } from '../../../collector/sources/syscalls/syscall-spec.ts'
import { SYSCALLS } from '../../../collector/sources/syscalls/syscall-table.ts'

const X64 = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'
const IA32 = '/usr/include/x86_64-linux-gnu/asm/unistd_32.h'
/** Of arm64 and other younger architectures. */
const GENERIC = '/usr/include/asm-generic/unistd.h'
/** What else than another width of its arguments makes a header call a call by another name. */
const SPELLED = new Map([
  ['ugetrlimit', 'getrlimit'],
  ['_llseek', 'llseek'],
  ['fstatat', 'newfstatat'],
])

/** By number, the names that a header gives it, without what tells the width of arguments. */
function namesIn(header: string): Map<number, Set<string>> {
  const names = new Map<number, Set<string>>()
  for (const [, name, number] of readFileSync(header, 'utf8').matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm)) {
    // How many there are, and no call.
    if (name === 'syscalls') continue
    const known = names.get(Number(number)) ?? new Set()
    names.set(Number(number), known.add(plain(name!)))
  }
  return names
}

const plain = (name: string) => {
  const spelled = SPELLED.get(name) ?? name
  return spelled
    .replace(/_time64$/, '')
    .replace(/(?:64|32|_64)$/, '')
    .replace(/(?:64)$/, '')
}

test.for([
  ['x64', X64, 340],
  ['ia32', IA32, 400],
  ['arm64', GENERIC, 290],
] as const)('of %s agree', ([abi, header, least], { skip }) => {
  if (!existsSync(header)) return skip(`${header} is not there`)
  const names = namesIn(header)
  const newest = Math.max(...names.keys())
  const wrong: string[] = []
  let compared = 0
  for (const [call, spec] of Object.entries<SyscallSpec>(SYSCALLS)) {
    const numbers = abi === 'ia32' ? (spec.ia32 ?? []) : [spec[abi]].filter((number) => number !== undefined)
    for (const number of numbers) {
      if (number > newest) continue
      compared++
      if (names.get(number)?.has(plain(call)) !== true)
        wrong.push(`${call} ${number}: ${[...(names.get(number) ?? [])]}`)
    }
  }
  expect(wrong).toEqual([])
  expect(compared).toBeGreaterThan(least)
})
