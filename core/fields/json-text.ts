/**
 * JSON written as text, for documents that are made once per event: no objects in between. Texts are byte strings
 * (core/batch/strings.ts) unless the name says otherwise. What is absent is left out.
 */
import { toText } from '../batch/strings.ts'

/** Text of a JSON value. */
export type Json = string

/** Printable ASCII without what JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/

/** A byte string as JSON. */
export function quoted(bytes: string): Json {
  return PLAIN.test(bytes) ? `"${bytes}"` : JSON.stringify(toText(bytes))
}

/** Readable text as JSON. */
export function quotedText(text: string): Json {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** As JSON.stringify: JSON has no infinity. */
export function numeral(value: number | undefined): Json | undefined {
  if (value === undefined) return undefined
  return Number.isFinite(value) ? String(value) : 'null'
}

/** Adds a member to those of an object. `key` as it stands in JSON, with its colon: `"pid":`. */
export function put(members: string, key: string, value: Json | undefined): string {
  if (value === undefined) return members
  return members === '' ? key + value : `${members},${key}${value}`
}

/** The object with these members; undefined without any. */
export function objectOf(members: string): Json | undefined {
  return members === '' ? undefined : `{${members}}`
}
