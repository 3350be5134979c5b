/** Fields that hold the host names of an address: those that rules give whole, since no others are looked up. */
import type { Operator } from './ast.ts'

export const HOST_NAME_FIELDS: ReadonlySet<string> = new Set([
  'fd.cip.name',
  'fd.sip.name',
  'fd.lip.name',
  'fd.rip.name',
])
/** By which a rule gives a name whole. */
export const HOST_NAME_OPERATORS: ReadonlySet<Operator> = new Set<Operator>(['=', '!=', 'in', 'intersects'])
