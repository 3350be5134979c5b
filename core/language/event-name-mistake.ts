/** What is wrong with a name that is meant for the type of an event, wherever somebody has written it. */

import { EVENT_TYPES } from '../fields/event-types.ts'
import { KNOWN_EVENT_NAMES, UNSEEN_EVENTS } from '../fields/unseen-events.ts'
import { shorten } from './condition/mistake.ts'
import { nearestName } from './nearest-name.ts'

export interface EventNameMistake {
  /** `unseen`: there is such an event, and Seamark does not capture it. */
  kind: 'unseen' | 'unknown'
  message: string
  /** What to write in its place, where that is known. */
  hint: string | undefined
}

/** Null for the name of a type that is captured. */
export function eventNameMistake(name: string): EventNameMistake | null {
  if (Object.hasOwn(EVENT_TYPES, name)) return null
  const unseen = UNSEEN_EVENTS.get(name)
  if (unseen !== undefined) {
    const hint = unseen.instead === undefined ? undefined : `use ${unseen.instead}`
    return { kind: 'unseen', message: `Seamark does not capture "${name}": ${unseen.why}`, hint }
  }
  const near = nearestName(name, [...KNOWN_EVENT_NAMES])
  const hint = near === undefined ? undefined : `did you mean "${near}"?`
  return { kind: 'unknown', message: `unknown event type "${shorten(name)}"`, hint }
}
