/** Checks documents at the door of every search store: what cannot be stored is refused with its reason, the rest goes on. */
import type { Doc, Refused } from '../model/search-store.ts'

/** A document that can be stored, and its body as text. */
export interface Prepared {
  doc: Doc
  /** The body as JSON. */
  json: string
}

export const MAX_PART = 99_999
const DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

export const MAX_DOC_CHARS = 4 * 1024 * 1024
/** Of UTF-8, as Elasticsearch counts them. */
const MAX_ID_BYTES = 512
/** The last instant of a JavaScript date (ECMA-262, time values). */
const MAX_TIME_MS = 8.64e15

const KINDS: ReadonlySet<string> = new Set(['event', 'detection', 'alert'])

export function prepareDoc(doc: Doc): Prepared | Refused {
  const reason = mistake(doc)
  if (reason !== undefined) return { id: String(doc.id), reason }
  let json: string | undefined
  try {
    json = doc.json ?? JSON.stringify(doc.body)
  } catch (error) {
    return { id: doc.id, reason: `the body is not JSON: ${(error as Error).message}` }
  }
  if (json === undefined || !json.startsWith('{')) return { id: doc.id, reason: 'the body is not an object' }
  if (json.length > MAX_DOC_CHARS) return { id: doc.id, reason: `the body has more than ${MAX_DOC_CHARS} characters` }
  // JSON.stringify escapes surrogates that stand alone; SQLite could not hold them, so they are replaced everywhere.
  if (!json.includes('\\ud')) return { doc, json }
  const clean = json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.startsWith('\\ud') ? '\ufffd' : found))
  const { kind, id, timeMs, day, part, version } = doc
  const body = JSON.parse(clean) as Doc['body']
  return { doc: { kind, id, timeMs, day, part, ...(version === undefined ? {} : { version }), body }, json: clean }
}

function mistake({ kind, id, timeMs, day, part, version }: Doc): string | undefined {
  if (!KINDS.has(kind)) return `unknown kind ${kind}`
  if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > MAX_ID_BYTES || !id.isWellFormed()) {
    return `the id must be text of 1 to ${MAX_ID_BYTES} bytes`
  }
  if (!Number.isInteger(timeMs) || timeMs < 0 || timeMs > MAX_TIME_MS) return 'the time must be whole ms since 1970'
  if (!DAY.test(day)) return `no day: ${day}`
  if (!Number.isInteger(part) || part < 0 || part > MAX_PART) return `the part must be from 0 to ${MAX_PART}`
  if (version !== undefined && (!Number.isInteger(version) || version < 0)) return 'the version must be a whole number'
  return undefined
}
