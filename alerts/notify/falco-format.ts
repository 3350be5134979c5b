/**
 * A detection as Falco writes an alert: one line of text, or one JSON object with sorted keys and our id. The text is
 * `TIME: PRIORITY message`, the time that of the event. Source: the options of falco.yaml, Falco 0.44.
 */
import { findField } from '../../core/fields/index.ts'
import type { Detection } from '../../core/model/detection.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'

/** Parts of the JSON object that may be left out. */
export const JSON_PARTS = ['output', 'message', 'output_fields', 'tags'] as const

export type JsonPart = (typeof JSON_PARTS)[number]

export interface FalcoFormat {
  kind: 'json' | 'text'
  /** Times in UTC as ISO 8601 instead of the local time of day. */
  iso8601Times: boolean
  jsonParts: readonly JsonPart[]
}

export const DEFAULT_FORMAT: FalcoFormat = {
  kind: 'json',
  iso8601Times: false,
  jsonParts: ['output', 'output_fields', 'tags'],
}

/** A number as it is written; ECMAScript has it, its types here do not yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

/** One line, without its end; safe to print. */
export function falcoLine(detection: Detection, format: FalcoFormat): string {
  return format.kind === 'json' ? falcoJson(detection, format) : safeText(falcoText(detection, format))
}

function falcoText(detection: Detection, { iso8601Times }: Pick<FalcoFormat, 'iso8601Times'>): string {
  const { priority, output } = detection
  return `${iso8601Times ? `${utcTime(detection)}+0000` : timeOfDay(detection)}: ${priority} ${output}`
}

function falcoJson(detection: Detection, format: FalcoFormat): string {
  const timeField = format.iso8601Times ? 'evt.time.iso8601' : 'evt.time'
  // The time stands in every text, so it is among the fields; nanoseconds, which a double does not hold.
  const fields: Record<string, unknown> = { [timeField]: rawJson(detection.timeNs) }
  for (const [name, value] of Object.entries(detection.fields)) fields[name] = fieldValue(name, value, detection)
  const optional: Record<JsonPart, unknown> = {
    output: falcoText(detection, format),
    message: detection.output,
    output_fields: byKey(fields),
    tags: [...detection.tags].sort(),
  }
  const object: Record<string, unknown> = {
    hostname: detection.hostname,
    id: detection.id,
    priority: detection.priority,
    rule: detection.rule,
    source: detection.source,
    time: `${utcTime(detection)}Z`,
  }
  for (const part of format.jsonParts) object[part] = optional[part]
  return jsonLine(byKey(object))
}

/** Fields that are the time of the event, however they print it. */
const EVENT_TIMES: ReadonlySet<string> = new Set([
  ...['evt.time', 'evt.time.s', 'evt.time.iso8601'],
  ...['evt.datetime', 'evt.datetime.s', 'evt.rawtime'],
])

/** Times are nanoseconds, which a double does not hold; several values are one text. */
function fieldValue(name: string, value: unknown, { timeNs }: Detection): unknown {
  if (EVENT_TIMES.has(name)) return rawJson(timeNs)
  if (Array.isArray(value)) return value.join(' ')
  const isTime = typeof value === 'string' && /^\d{1,20}$/.test(value) && findField(name, null)?.field.type === 'time'
  return isTime ? rawJson(value) : value
}

/** As Falco writes objects. */
function byKey(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function fractionOf({ timeNs }: Detection): string {
  return timeNs.padStart(10, '0').slice(-9)
}

function utcTime(detection: Detection): string {
  return `${new Date(detection.timeMs).toISOString().slice(0, 19)}.${fractionOf(detection)}`
}

function timeOfDay(detection: Detection): string {
  const time = new Date(detection.timeMs)
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()]
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')}.${fractionOf(detection)}`
}
