/** Values of a check that no event can have: what `rules lint` says of items in lists and of single values. */
import { fromText } from '../batch/strings.ts'
import type { Operand, Operator } from '../language/condition/ast.ts'
import { domainMistake, rangeMistake, type ValueMistake } from './value-domain.ts'

/** The kernel keeps this many bytes of a task's name. */
const MAX_COMM_BYTES = 15
const COMM_FIELDS = new Set(['proc.name', 'proc.pname', 'proc.aname'])
/** Always absolute where they are paths at all. */
const PATH_FIELDS = new Set([
  ...['fd.name', 'fd.directory', 'fs.path.name', 'fs.path.source', 'fs.path.target'],
  ...['proc.exepath', 'proc.pexepath', 'proc.aexepath', 'proc.cwd'],
])
const WHOLE: readonly Operator[] = ['=', 'in', 'intersects']
/** A value that is too long for these, or begins otherwise, cannot be part of what is there either. */
const STARTS: readonly Operator[] = [...WHOLE, 'startswith', 'pmatch']
const PIECES: readonly Operator[] = [...WHOLE, 'startswith', 'endswith', 'contains']

/** What is wrong with comparing the operand with the text, with what to do; null where it can match. */
export function valueMistake(left: Operand, operator: Operator, text: string): ValueMistake | null {
  if (left.kind === 'call') return callMistake(left.name, operator, text)
  const { name } = left
  if (COMM_FIELDS.has(name) && PIECES.includes(operator)) {
    const bytes = fromText(text).length
    if (bytes > MAX_COMM_BYTES)
      return {
        why: `${name} has at most ${MAX_COMM_BYTES} bytes and this has ${bytes}`,
        hint: `compare with "${fromText(text).slice(0, MAX_COMM_BYTES)}", or use proc.exepath`,
      }
    if (text.includes('/') && WHOLE.includes(operator) && text.startsWith('/'))
      return { why: `${name} is a name and not a path`, hint: 'use proc.exepath for paths' }
  }
  const outside = domainMistake(left, operator, text)
  if (outside !== null || !PATH_FIELDS.has(name) || !STARTS.includes(operator)) return outside
  // Pipes, sockets and memfds have names of their own, with a colon or brackets.
  if (/^[\w.-]+(\/.*)?$/.test(text) && !text.includes(':'))
    return { why: `${name} is an absolute path and this is not`, hint: 'begin it with /, or use endswith or glob' }
  if (name === 'fd.directory' && WHOLE.includes(operator) && text.length > 1 && text.endsWith('/'))
    return { why: 'fd.directory has no slash at its end', hint: `compare with "${text.replace(/\/+$/, '')}"` }
  return null
}

function callMistake(name: string, operator: Operator, text: string): ValueMistake | null {
  if (name === 'len') return rangeMistake(operator, text, 'a length', 0, Number.POSITIVE_INFINITY)
  if (!PIECES.includes(operator)) return null
  if (name === 'tolower' && /[A-Z]/.test(text))
    return { why: 'tolower() gives no upper-case letters', hint: `compare with "${text.toLowerCase()}"` }
  if (name === 'toupper' && /[a-z]/.test(text))
    return { why: 'toupper() gives no lower-case letters', hint: `compare with "${text.toUpperCase()}"` }
  if (name === 'basename' && text.includes('/'))
    return { why: 'basename() gives no slashes', hint: 'compare with the last part of the path' }
  return null
}
