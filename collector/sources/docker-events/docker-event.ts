/** One event of Docker's stream, checked at the door, and how it becomes a row. */
import { createHash } from 'node:crypto'
import type { Row } from '../../../core/batch/builder.ts'
import { fromText } from '../../../core/batch/strings.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'

export interface DockerEvent {
  /** container, image, network, volume, … */
  type: string
  /** `start`; for exec events the command stands in `command`. */
  action: string
  command?: string
  id: string
  attributes: ReadonlyMap<string, string>
  timeNs: bigint
  /** Names the event within its ns: equal when it is read again. */
  position: string
}

const MAX_ATTRIBUTES = 200
const MAX_VALUE_CHARS = 4096

/** Null for what is not an event (an engine may send more kinds of lines one day). */
export function parseDockerEvent(value: unknown): DockerEvent | null {
  if (typeof value !== 'object' || value === null) return null
  const { Type, Action, Actor, timeNano } = value as Record<string, unknown>
  if (typeof Type !== 'string' || typeof Action !== 'string') return null
  if (typeof timeNano !== 'bigint' && !Number.isSafeInteger(timeNano)) return null
  const actor = (typeof Actor === 'object' && Actor !== null ? Actor : {}) as { ID?: unknown; Attributes?: unknown }
  const id = typeof actor.ID === 'string' ? actor.ID.slice(0, MAX_VALUE_CHARS) : ''
  const attributes = new Map<string, string>()
  for (const [key, text] of Object.entries(actor.Attributes ?? {}).slice(0, MAX_ATTRIBUTES)) {
    if (typeof text === 'string') attributes.set(key.slice(0, 256), text.slice(0, MAX_VALUE_CHARS))
  }
  // `exec_create: sh -c …`: the command is a fact of its own, not part of the action's name.
  const colon = Action.indexOf(':')
  const action = colon < 0 ? Action : Action.slice(0, colon)
  const command =
    colon < 0
      ? undefined
      : Action.slice(colon + 1)
          .trim()
          .slice(0, MAX_VALUE_CHARS)
  return {
    type: Type,
    action,
    ...(command === undefined ? {} : { command }),
    id,
    attributes,
    timeNs: BigInt(timeNano as bigint | number),
    position: digest(Type, Action, id, JSON.stringify([...attributes])),
  }
}

/** The container an event is about: its actor, or the one a network or volume event names. */
export function containerIdOf(event: DockerEvent): string | null {
  if (event.type === 'container') return event.id
  return event.attributes.get('container') ?? null
}

export function rowOfDockerEvent(event: DockerEvent): Row {
  const attributes =
    event.command === undefined ? event.attributes : new Map([...event.attributes, ['command', event.command]])
  return {
    type: EVENT_TYPES.docker.code,
    position: event.position,
    action: fromText(event.action),
    objectType: fromText(event.type),
    objectId: fromText(event.id),
    attributes: fromText(JSON.stringify(Object.fromEntries(attributes))),
  }
}

function digest(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16)
}
