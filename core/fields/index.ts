/** The table of all fields: one line per family. */

import { COMMAND_FIELDS } from './command.ts'
import { CONTAINER_FIELDS } from './container.ts'
import { DOCKER_FIELDS } from './docker-event.ts'
import { ARGUMENT_NAMES } from './event-arguments.ts'
import { EVT_FIELDS } from './evt.ts'
import { FD_FIELDS } from './fd.ts'
import type { Field } from './field.ts'
import { FS_PATH_FIELDS } from './fs-path.ts'
import { HEALTH_FIELDS } from './health.ts'
import { K8S_FIELDS } from './k8s.ts'
import { PROC_FIELDS } from './proc.ts'
import { THREAD_FIELDS } from './thread.ts'
import { UNAVAILABLE_FIELDS } from './unavailable.ts'
import { USER_GROUP_FIELDS } from './user-group.ts'

/** Every field, family by family, in the order of the reference. */
export const FIELDS: readonly Field[] = [
  ...EVT_FIELDS,
  ...PROC_FIELDS,
  ...THREAD_FIELDS,
  ...USER_GROUP_FIELDS,
  ...FD_FIELDS,
  ...FS_PATH_FIELDS,
  ...CONTAINER_FIELDS,
  ...K8S_FIELDS,
  ...DOCKER_FIELDS,
  ...HEALTH_FIELDS,
  ...COMMAND_FIELDS,
  ...UNAVAILABLE_FIELDS,
]

const BY_NAME: ReadonlyMap<string, Field> = new Map(FIELDS.map((field) => [field.name, field]))
const ARGUMENT_PREFIX = 'evt.arg.'

/**
 * The field behind a name and its argument as written. `evt.arg.NAME` is `evt.arg[NAME]`. Undefined for a name that is
 * not in the table.
 */
export function findField(
  name: string,
  argument: string | null,
): { field: Field; argument: string | null } | undefined {
  const field = BY_NAME.get(name)
  if (field !== undefined) return { field, argument }
  if (!name.startsWith(ARGUMENT_PREFIX) || argument !== null) return undefined
  const argumentName = name.slice(ARGUMENT_PREFIX.length)
  return ARGUMENT_NAMES.has(argumentName) ? { field: BY_NAME.get('evt.arg')!, argument: argumentName } : undefined
}

/** All names a rule may write, for hints and completion. */
export function fieldNames(): string[] {
  return [...BY_NAME.keys(), ...[...ARGUMENT_NAMES].map((name) => ARGUMENT_PREFIX + name)]
}
