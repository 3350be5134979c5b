/**
 * The index template, from the field table: every field explicit, free-form objects `flattened`, everything else stored
 * and not indexed. What Elasticsearch cannot index of a value (too long, not an address) it notes in `_ignored`, and the
 * search decides about those documents itself.
 */
import type { FieldType, FieldTypes } from '../../core/language/kql/fields.ts'
import { type Answer, type ErrorBody, type Request, reasonOf } from './connection.ts'

/** Beside the document: what we sort, page and find it by. Taken off again before it is returned. */
export const KEY = 'seamark_doc'
/** Every keyword value once more, for a search without a field. */
export const ALL_TEXT = 'seamark_text'

/** Raised whenever the template changes. */
const TEMPLATE_VERSION = 1
/** The longest keyword, in UTF-16 units, that fits Lucene's 32,766 bytes whatever its characters. */
const MAX_KEYWORD_CHARS = 10_922

export interface TemplateOptions {
  prefix: string
  fields: FieldTypes
  /** Objects with keys of users' making. */
  openObjects: readonly string[]
  /** Field type that is made for searching inside text; not every distribution has it. */
  wildcardType: boolean
  /** Columns sorted by host and time; not every distribution has it. */
  logsdb: boolean
}

export function indexTemplate(options: TemplateOptions): Record<string, unknown> {
  const properties: Record<string, unknown> = {
    [KEY]: { properties: { id: { type: 'keyword' }, time: { type: 'date', format: 'epoch_millis' } } },
    [ALL_TEXT]: options.wildcardType
      ? { type: 'wildcard', ignore_above: MAX_KEYWORD_CHARS }
      : { type: 'keyword', ignore_above: MAX_KEYWORD_CHARS },
  }
  for (const [name, type] of Object.entries(options.fields)) place(properties, name, mappingOf(type))
  for (const name of options.openObjects)
    place(properties, name, { type: 'flattened', ignore_above: MAX_KEYWORD_CHARS, depth_limit: 20 })
  return {
    index_patterns: [`${options.prefix}-*`],
    // Above the templates that Elasticsearch brings (100).
    priority: 300,
    version: TEMPLATE_VERSION,
    _meta: { description: 'Events, detections and alerts of Seamark; made from its table of fields' },
    template: {
      settings: {
        index: {
          number_of_shards: 1,
          ...(options.logsdb
            ? { mode: 'logsdb', mapping: { source: { mode: 'stored' } } }
            : { codec: 'best_compression' }),
        },
      },
      mappings: { dynamic: false, properties },
    },
  }
}

function mappingOf(type: FieldType): Record<string, unknown> {
  switch (type) {
    case 'keyword':
      return { type: 'keyword', ignore_above: MAX_KEYWORD_CHARS, copy_to: ALL_TEXT }
    case 'ip':
      // As text once more, for patterns such as `10.0.*`.
      return {
        type: 'ip',
        ignore_malformed: true,
        fields: { text: { type: 'keyword', ignore_above: MAX_KEYWORD_CHARS } },
      }
    case 'date':
      return { type: 'date', ignore_malformed: true, format: 'strict_date_optional_time||epoch_millis' }
    case 'boolean':
      return { type: 'boolean', ignore_malformed: true }
    default:
      return { type, ignore_malformed: true, coerce: false }
  }
}

/** `a.b.c` becomes nested properties. */
function place(properties: Record<string, unknown>, name: string, mapping: Record<string, unknown>): void {
  const parts = name.split('.')
  const last = parts.pop() as string
  let level = properties
  for (const part of parts) {
    const node = (level[part] ?? {}) as { properties?: Record<string, unknown> }
    node.properties ??= {}
    level[part] = node
    level = node.properties
  }
  level[last] = { ...mapping, ...(level[last] as object | undefined) }
}

export type Ask = (request: Request) => Promise<Answer<ErrorBody>>

/**
 * Puts the best template that this server takes: with columns sorted for logs and a type for searching inside text
 * where it has them. Throws the server's reason when it takes none.
 */
export async function installTemplate(
  ask: Ask,
  options: Omit<TemplateOptions, 'wildcardType' | 'logsdb'>,
): Promise<{ wildcardType: boolean; logsdb: boolean }> {
  let reason = ''
  for (const wildcardType of [true, false]) {
    for (const logsdb of [true, false]) {
      const body = indexTemplate({ ...options, wildcardType, logsdb })
      const answer = await ask({ method: 'PUT', path: `/_index_template/${options.prefix}`, body })
      if (answer.status < 300) return { wildcardType, logsdb }
      reason = reasonOf(answer.body)
    }
  }
  throw new Error(`Elasticsearch takes no index template of ours: ${reason}`)
}
