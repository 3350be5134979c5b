/**
 * Whether a process is, or comes from, a check that the engine runs in a container. A check is told by its command and by
 * where it comes from: its parent is outside of the container, or the runtime on its way in, which no process that began
 * inside the container can have.
 */
import { PROCESS_FLAGS } from '../batch/columns.ts'
import { type Cursor, MAX_ANCESTORS } from './cursor.ts'
import { type Field, field, fromEvent } from './field.ts'
import { argumentList } from './process-facts.ts'

type CheckColumn = 'healthcheck' | 'livenessProbe' | 'readinessProbe'

/** What the last arguments of a check are; an image may run it by a shell or an interpreter of its own. */
function lastArguments(cursor: Cursor, column: CheckColumn): string[] | undefined {
  const words = argumentList(cursor.containerText(column))
  if (column !== 'healthcheck' || words === undefined) return words
  return words[0] === 'CMD-SHELL' ? ['-c', ...words.slice(1)] : words.slice(1)
}

function cameFromOutside(cursor: Cursor, process: number): boolean {
  const parent = cursor.ancestor(1, process)
  if (parent < 0) return false
  if (cursor.containerOf(parent) !== cursor.containerOf(process)) return true
  return ((cursor.processNumber('processFlags', parent) ?? 0) & PROCESS_FLAGS.runtime) !== 0
}

function isOfCheck(cursor: Cursor, column: CheckColumn): boolean {
  if (cursor.container < 0) return false
  const wanted = lastArguments(cursor, column)
  if (wanted === undefined || wanted.length === 0) return false
  let process = cursor.process
  for (let i = 0; i < MAX_ANCESTORS && process >= 0 && cursor.containerOf(process) === cursor.container; i++) {
    if (cameFromOutside(cursor, process)) {
      const own = argumentList(cursor.processText('argv', process))?.slice(-wanted.length) ?? []
      return own.length === wanted.length && own.every((word, at) => word === wanted[at])
    }
    process = cursor.ancestor(1, process)
  }
  return false
}

// Per event, not per process: an inspection may tell the check after the process began.
const check = (name: string, what: string, column: CheckColumn): Field =>
  field(
    `proc.is_container_${name}`,
    'boolean',
    `The process is, or comes from, the container's ${what}: the engine started its command in there.`,
    fromEvent([], (cursor) => isOfCheck(cursor, column)),
  )

export const CONTAINER_PROBE_FIELDS: readonly Field[] = [
  check('healthcheck', 'health check', 'healthcheck'),
  check('liveness_probe', 'liveness probe', 'livenessProbe'),
  check('readiness_probe', 'readiness probe', 'readinessProbe'),
]
