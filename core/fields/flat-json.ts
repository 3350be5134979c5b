/** Reads the flat JSON object that a batch carries for free-form attributes. */
import { fromText, toText } from '../batch/strings.ts'

const EMPTY: ReadonlyMap<string, string> = new Map()

/** Keys and values as byte strings; values that are not scalars, and text that is no JSON object, are left out. */
export function flatJson(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return EMPTY
  let parsed: unknown
  try {
    parsed = JSON.parse(toText(text))
  } catch {
    // A peer sent it; the event is still worth judging without its attributes.
    return EMPTY
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return EMPTY
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(parsed)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      found.set(fromText(key), fromText(String(value)))
    }
  }
  return found
}
