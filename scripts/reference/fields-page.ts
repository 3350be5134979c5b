/** docs/reference/fields.md: the fields of rules, from the table in core/fields. */
import type { Field, FieldType } from '../../core/fields/field.ts'
import { FIELDS } from '../../core/fields/index.ts'
import { code, codes, page, section, tableOf } from './markdown.ts'

const TYPES: Readonly<Record<FieldType, string>> = {
  string: 'text; compared byte by byte',
  number: 'number',
  boolean: '`true` or `false`',
  ip: 'IPv4 or IPv6 address',
  net: 'address compared with CIDR blocks',
  port: 'port number',
  time: 'nanoseconds since the Unix epoch',
  duration: 'nanoseconds',
  bytes: 'raw bytes',
}

const SEVERAL: Readonly<Record<Field['several'], string>> = {
  no: '',
  list: 'a list; `in` compares all of it',
  any: 'several values; one that matches is enough',
  ends: 'both ends of a connection; `=` asks for one, `!=` for both',
}

export function fieldsPage(): string {
  const filled = FIELDS.filter(({ refused }) => refused === null)
  const absent = FIELDS.filter(({ refused }) => refused !== null)
  const families = Map.groupBy(filled, ({ name }) => name.split('.')[0]!)
  return page(
    'Fields of rules',
    `What conditions and outputs can name: ${filled.length} fields that Seamark fills, with Falco's names where Falco has one. ` +
      'An absent value makes every comparison false, `!=` too. For searching (KQL) see ' +
      '[documents.md](documents.md); the ECS column says where the same value is stored. Source: `core/fields/`.',
    tableOf(
      ['type', 'values'],
      Object.entries(TYPES).map(([type, meaning]) => [code(type), meaning]),
    ),
    ...[...families].map(([family, fields]) =>
      section(`${family}.*`, tableOf(['field', 'type', 'sources', 'ECS', 'since', 'meaning'], fields.map(row))),
    ),
    section(
      'Known to Falco, never filled',
      'Rules that name these load, with a warning, and the value is absent.',
      tableOf(
        ['field', 'why', 'use instead'],
        absent.map((field) => [code(nameOf(field)), field.refused!.why, field.refused!.instead]),
      ),
    ),
  )
}

function row(field: Field): string[] {
  const { type, sources, ecs, since, doc, several, rightSide, printable, wants } = field
  const notes = [
    SEVERAL[several],
    rightSide ? '' : 'not on the right side of a comparison',
    wants === undefined ? '' : 'read only where a rule or an output asks',
    printable ? '' : 'only to be compared, not in outputs',
  ].filter(Boolean)
  const meaning = notes.length === 0 ? doc : `${doc} (${notes.join('; ')})`
  return [code(nameOf(field)), type, sources.join(', '), ecs === undefined ? '' : codes([ecs]), since, meaning]
}

/** With its argument: `[n]` counts generations or positions, `[key]` is a name; in `(…)` where it may be left out. */
function nameOf({ name, argument, argumentRequired }: Field): string {
  if (argument === 'none') return name
  const bracket = argument === 'index' ? '[n]' : '[key]'
  return argumentRequired ? `${name}${bracket}` : `${name} (${bracket})`
}
