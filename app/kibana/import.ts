/**
 * Imports our saved objects and then asks for every one of them: an import can report success and import nothing, so
 * only what can be read back counts.
 */
import { AppError } from '../../core/model/errors.ts'
import type { ImportAnswer, KibanaClient, ObjectName } from './kibana-client.ts'
import type { SavedObject } from './saved-objects.ts'

export interface Imported {
  /** Objects read back, by type. */
  counts: ReadonlyMap<string, number>
  /** Those that Kibana stored under another id, because another space has ours: links to them lead nowhere. */
  renamed: readonly string[]
}

const MAX_LISTED = 20

/** Throws AppError: E_KIBANA_IMPORT when an object is refused or missing afterwards, and those of the client. */
export async function importIntoKibana(client: KibanaClient, objects: readonly SavedObject[]): Promise<Imported> {
  const answer = await client.importObjects(objects)
  const errors = answer.errors ?? []
  if (!answer.success || errors.length > 0)
    throw failure(
      'Kibana did not take all of it',
      errors.map(({ type, id, error }) => `${type}/${id}: ${error.type}`),
    )
  const stored = objects.map((object) => storedAs(object, answer))
  const missing = await client.findMissing(stored)
  if (missing.length > 0)
    throw failure(
      `Kibana reported success, and ${missing.length} of ${objects.length} saved objects are not there`,
      missing.map(({ type, id }) => `${type}/${id}`),
    )
  const counts = new Map<string, number>()
  for (const { type } of stored) counts.set(type, (counts.get(type) ?? 0) + 1)
  return { counts, renamed: stored.filter(({ id }, index) => id !== objects[index]!.id).map(({ id }) => id) }
}

function storedAs({ type, id }: SavedObject, { successResults = [] }: ImportAnswer): ObjectName {
  const result = successResults.find((one) => one.type === type && one.id === id)
  return { type, id: result?.destinationId ?? id }
}

function failure(message: string, lines: readonly string[]): AppError {
  const shown = lines.slice(0, MAX_LISTED)
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : []
  return new AppError('E_KIBANA_IMPORT', [message, ...[...shown, ...more].map((line) => `  ${line}`)].join('\n'))
}
