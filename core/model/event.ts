/**
 * The vocabulary of events: where they come from, what a value can be, and how an event is named.
 */

/** Where an event was seen. `syscall` is Falco's name; the rest are ours. */
export const SOURCE_NAMES = [
  'syscall',
  'docker',
  'log',
  'diff',
  'metric',
  'audit',
  'health',
  'command',
  'detection',
] as const

export type SourceName = (typeof SOURCE_NAMES)[number]

/** Globally unique and never reused; sorts by event time. Made by `eventId`. */
export type EventId = string

/**
 * A value as rules see it. Strings are *byte strings*: every character is one byte (0-255), so that a path or argv that
 * is not UTF-8 is compared byte by byte. `toText` turns them into readable text at the edge. Lists hold byte strings
 * or numbers; times since an epoch are bigints, in ns, which a double cannot hold. `undefined` means absent, with Falco's
 * semantics: any comparison with it is false.
 */
export type Value = string | number | bigint | boolean | readonly (string | number)[]

/** Falco's severities, most severe first. The index is the rank (0 = emergency). */
export const PRIORITIES = [
  'Emergency',
  'Alert',
  'Critical',
  'Error',
  'Warning',
  'Notice',
  'Informational',
  'Debug',
] as const

export type Priority = (typeof PRIORITIES)[number]

/** Why a batch matters, most dispensable first: when a spool is full, batches go in this order. */
export const BATCH_CLASSES = ['heartbeat', 'bulk', 'routine', 'evidence'] as const

export type BatchClass = (typeof BATCH_CLASSES)[number]
