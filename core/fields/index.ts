/** The table of all fields: one line per family. */
import { COMMAND_FIELDS } from './command.ts'
import { CONTAINER_FIELDS } from './container.ts'
import { CONTAINER_PROBE_FIELDS } from './container-probes.ts'
import { DOCKER_FIELDS } from './docker-event.ts'
import { ARGUMENT_NAMES } from './event-arguments.ts'
import { EVT_FIELDS } from './evt.ts'
import { EVT_ARGUMENT_FIELDS } from './evt-argument.ts'
import { EVT_TIME_FIELDS } from './evt-time.ts'
import { FD_FIELDS } from './fd.ts'
import type { Field } from './field.ts'
import { FS_PATH_FIELDS } from './fs-path.ts'
import { HEALTH_FIELDS } from './health.ts'
import { K8S_FIELDS } from './k8s.ts'
import { PROC_FIELDS } from './proc.ts'
import { PROC_EXE_FIELDS } from './proc-exe.ts'
import { PROCESS_STATE_FIELDS } from './process-state.ts'
import { REFUSED_FIELDS } from './refused.ts'
import { THREAD_FIELDS } from './thread.ts'
import { USER_GROUP_FIELDS } from './user-group.ts'

/** Every field, family by family, in the order of the reference. */
export const FIELDS: readonly Field[] = [
  ...EVT_FIELDS,
  ...EVT_TIME_FIELDS,
  ...EVT_ARGUMENT_FIELDS,
  ...PROC_FIELDS,
  ...PROC_EXE_FIELDS,
  ...THREAD_FIELDS,
  ...PROCESS_STATE_FIELDS,
  ...USER_GROUP_FIELDS,
  ...FD_FIELDS,
  ...FS_PATH_FIELDS,
  ...CONTAINER_FIELDS,
  ...CONTAINER_PROBE_FIELDS,
  ...K8S_FIELDS,
  ...DOCKER_FIELDS,
  ...HEALTH_FIELDS,
  ...COMMAND_FIELDS,
  ...REFUSED_FIELDS,
]

const BY_NAME: ReadonlyMap<string, Field> = new Map(FIELDS.map((field) => [field.name, field]))
/** Fields whose argument may also follow a dot: `evt.arg.NAME` is `evt.arg[NAME]`. */
const DOTTED: readonly string[] = [
  ...['evt.arg', 'evt.rawarg', 'evt.type.is', 'evt.abspath'],
  ...['thread.cgroup', 'container.label', 'k8s.pod.label'],
]

/** The field behind a name and its argument as written. Undefined for a name that is not in the table. */
export function findField(
  name: string,
  argument: string | null,
): { field: Field; argument: string | null } | undefined {
  const field = BY_NAME.get(name)
  if (field !== undefined) return { field, argument }
  if (argument !== null) return undefined
  for (const prefix of DOTTED) {
    if (!name.startsWith(`${prefix}.`)) continue
    const text = name.slice(prefix.length + 1)
    const dotted = BY_NAME.get(prefix)!
    return dotted.keys === null || dotted.keys.has(text) ? { field: dotted, argument: text } : undefined
  }
  return undefined
}

/** All names a rule may write, for hints and completion. */
export function fieldNames(): string[] {
  return [...BY_NAME.keys(), ...[...ARGUMENT_NAMES].map((name) => `evt.arg.${name}`)]
}
