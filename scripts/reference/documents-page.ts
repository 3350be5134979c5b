/** docs/reference/documents.md: what KQL can name, from the list in core/fields/document-fields.ts. */
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../../core/fields/document-fields.ts'
import { FIELDS } from '../../core/fields/index.ts'
import { code, codes, page, section, tableOf } from './markdown.ts'

const TYPES: Readonly<Record<string, string>> = {
  keyword: 'Text, compared as a whole; `*` stands for anything.',
  long: 'Whole number; `<`, `<=`, `>` and `>=` work too.',
  double: 'Number; `<`, `<=`, `>` and `>=` work too.',
  ip: 'Address, or a block such as `10.0.0.0/8`.',
  date: 'ISO 8601; `<`, `<=`, `>` and `>=` work too.',
  boolean: '`true` or `false`.',
}

export function documentsPage(): string {
  const rows = Object.entries(DOCUMENT_FIELDS).map(([name, type]) => {
    const same = FIELDS.filter(({ ecs, refused }) => refused === null && ecs === name).map((field) => field.name)
    return [code(name), type, codes(same)]
  })
  const used = new Set<string>(Object.values(DOCUMENT_FIELDS))
  return page(
    'Fields of documents',
    'What is stored for each event, detection and alert, and what KQL can name in `seamark query`, `seamark tail` and the ' +
      'REST API. Names are those of the Elastic Common Schema; what it has no name for is under `seamark` and `docker`. ' +
      'Source: `core/fields/document-fields.ts`.',
    tableOf(
      ['type', 'comparison'],
      Object.entries(TYPES)
        .filter(([type]) => used.has(type))
        .map(([type, text]) => [code(type), text]),
    ),
    section('Fields', tableOf(['field', 'type', 'field of rules with this value'], rows)),
    section(
      'Objects with keys of your own',
      `Below ${codes(OPEN_OBJECTS)} any key can be asked for, as keyword: \`container.labels.team: payments\`.`,
    ),
  )
}
