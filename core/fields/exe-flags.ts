/** What an exec says of the file that it runs, in the numbers and names of Falco's events. */
import { EXE_FLAGS } from '../batch/columns.ts'

const BITS: readonly (readonly [ours: number, falco: number, name: string])[] = [
  [EXE_FLAGS.writable, 1, 'EXE_WRITABLE'],
  [EXE_FLAGS.upperLayer, 2, 'EXE_UPPER_LAYER'],
  [EXE_FLAGS.memfd, 4, 'EXE_FROM_MEMFD'],
  [EXE_FLAGS.lowerLayer, 8, 'EXE_LOWER_LAYER'],
]

/** `3`, shown as `EXE_WRITABLE|EXE_UPPER_LAYER`; nothing special is `0`. */
export function exeFlagsText(bits: number): { raw: string; shown?: string } {
  const set = BITS.filter(([ours]) => (bits & ours) !== 0)
  const raw = String(set.reduce((sum, [, falco]) => sum + falco, 0))
  return set.length === 0 ? { raw } : { raw, shown: set.map(([, , name]) => name).join('|') }
}
