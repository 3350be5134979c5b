/**
 * Which fields a query over our documents may name. A field that no document has would silently match nothing, so it is
 * a mistake, told with what was probably meant: the nearest name, or the ECS name of a field of rules.
 */
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../../fields/document-fields.ts'
import { FIELDS } from '../../fields/index.ts'
import { nearestName } from '../nearest-name.ts'
import { convert } from './matcher.ts'
import type { CheckField, CheckValue, KqlChecks } from './parser.ts'

const NAMES = Object.keys(DOCUMENT_FIELDS)
const ECS_OF_RULE_FIELD: ReadonlyMap<string, string> = new Map(
  FIELDS.flatMap(({ name, ecs }) => (ecs === undefined || !Object.hasOwn(DOCUMENT_FIELDS, ecs) ? [] : [[name, ecs]])),
)

/** Names below an object whose keys users make (`container.labels.…`) are all known. */
export const checkDocumentField: CheckField = (name) => {
  if (Object.hasOwn(DOCUMENT_FIELDS, name)) return null
  if (OPEN_OBJECTS.some((open) => name.startsWith(`${open}.`) && name.length > open.length + 1)) return null
  const below = NAMES.find((known) => known.startsWith(`${name}.`)) ?? openBelow(name)
  if (below !== undefined)
    return { message: `"${name}" holds other fields`, hint: `name one of them, such as ${below}` }
  const meant = ECS_OF_RULE_FIELD.get(name) ?? nearestName(name, NAMES) ?? nearestOpen(name)
  return {
    message: `unknown field "${name}"`,
    ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
  }
}

/** `container.label.app` is near `container.labels`, whose keys are of users' making. */
function nearestOpen(name: string): string | undefined {
  const [first, second, ...key] = name.split('.')
  const open = key.length === 0 ? undefined : nearestName(`${first}.${second}`, OPEN_OBJECTS)
  return open === undefined ? undefined : [open, ...key].join('.')
}

function openBelow(name: string): string | undefined {
  const open = OPEN_OBJECTS.find((candidate) => candidate === name || candidate.startsWith(`${name}.`))
  return open === undefined ? undefined : `${open}.NAME`
}

const EXAMPLES = {
  long: 'a number, such as 4711',
  double: 'a number, such as 0.5',
  ip: 'an address or a block, such as 10.0.0.0/8',
  date: 'a date, such as 2026-11-22T12:00:00Z',
  boolean: 'true or false',
}

/** A value that no document can have there would silently match nothing. */
export const checkDocumentValue: CheckValue = (field, value, isRange) => {
  const type = Object.hasOwn(DOCUMENT_FIELDS, field) ? DOCUMENT_FIELDS[field]! : 'keyword'
  if (type === 'keyword') return null
  if (type === 'ip' && !isRange && (value.wildcards.length > 0 || isBlock(value.text))) return null
  if (convert(value.text, type) !== undefined) return null
  const relative = type === 'date' && value.text.startsWith('now')
  return {
    message: `"${value.text.slice(0, 40)}" is no value of ${field}`,
    hint: relative ? 'times relative to now go into from and to (--from 1h)' : `write ${EXAMPLES[type]}`,
  }
}

function isBlock(text: string): boolean {
  const [address, prefix, rest] = text.split('/')
  const width = address?.includes(':') ? 128 : 32
  if (prefix === undefined || rest !== undefined || !/^\d{1,3}$/.test(prefix) || Number(prefix) > width) return false
  return convert(address ?? '', 'ip') !== undefined
}

/** What a query over our documents is held to. */
export const DOCUMENT_CHECKS: KqlChecks = { field: checkDocumentField, value: checkDocumentValue }
