/** docs/reference/rest.md, from the OpenAPI description that the API itself serves. */
import { createApi } from '../../api/server.ts'
import { VERSION } from '../../app/version.ts'
import { createMemoryFeed } from '../../backends/memory/feed.ts'
import { createSqliteSearchStore } from '../../backends/sqlite/search-store.ts'
import { ERROR_CODES } from '../../core/model/errors.ts'
import { code, page, section, tableOf } from './markdown.ts'

interface Shape {
  type?: string
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  enum?: unknown[]
  anyOf?: Shape[]
  items?: Shape
  properties?: Record<string, Shape>
  required?: readonly string[]
}

interface Operation {
  summary: string
  parameters: { name: string; in: string; required: boolean; description?: string; schema: Shape }[]
  responses: Record<string, { content: Record<string, { schema?: Shape }> }>
}

export function restPage(): string {
  const { paths } = describedApi()
  return page(
    'REST API',
    'Everything is read with GET from `http://127.0.0.1:7327` (keys `api.host` and `api.port`); unknown parameters are ' +
      'refused. The same as OpenAPI 3.1: `GET /openapi.json`. Source: `api/`.',
    ...Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => operationSection(method, path, operation as Operation)),
    ),
    section(
      'Mistakes',
      'Answers other than 200 are problem documents (RFC 9457, `application/problem+json`): `status`, `code`, `detail`, and in ' +
        '`errors` the parameters at fault with the position in their text.',
      tableOf(
        ['code', 'meaning'],
        Object.entries(ERROR_CODES)
          .filter(([name]) => name.startsWith('E_API_') || name.startsWith('E_STORE_'))
          .map(([name, meaning]) => [code(name), meaning]),
      ),
    ),
  )
}

/** Of an API that is never started: nothing is opened and nobody listens. */
function describedApi() {
  const api = createApi({
    port: 0,
    store: createSqliteSearchStore({ directory: '/nonexistent', fields: {}, readOnly: true }),
    feed: createMemoryFeed({ name: 'reference', evaluate: () => false }),
    parseKql: () => {
      throw new Error('nothing is parsed for a description')
    },
    metrics: { contentType: 'text/plain', metrics: async () => '' },
    version: VERSION,
  })
  return api.describe()
}

function operationSection(method: string, path: string, { summary, parameters, responses }: Operation): string {
  const [type, answer] = Object.entries(responses['200']?.content ?? {})[0] ?? ['application/json', {}]
  const fields = Object.entries(answer.schema?.properties ?? {})
  return section(
    `${method.toUpperCase()} ${path}`,
    `${summary}. Answers with \`${type}\`.`,
    ...(parameters.length === 0
      ? []
      : [
          tableOf(
            ['parameter', 'in', 'value', 'default', 'meaning'],
            parameters.map(({ name, in: place, required, description = '', schema }) => [
              code(name),
              required ? `${place}, required` : place,
              describeValue(schema),
              schema.default === undefined ? '' : code(String(schema.default)),
              description,
            ]),
          ),
        ]),
    ...(fields.length === 0
      ? []
      : [
          tableOf(
            ['answer', 'value', 'meaning'],
            fields.map(([name, shape]) => [
              code(answer.schema?.required?.includes(name) ? name : `${name}?`),
              describeValue(shape),
              shape.description ?? '',
            ]),
          ),
        ]),
  )
}

function describeValue(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((value) => code(String(value))).join(', ')
  if (shape.anyOf !== undefined) return shape.anyOf.map(describeValue).join(' or ')
  if (shape.type === 'array') {
    const { items = {} } = shape
    const inner =
      items.properties === undefined ? describeValue(items) : Object.keys(items.properties).map(code).join(', ')
    return `list of ${inner}`
  }
  const bounds = [
    ...(shape.minimum === undefined ? [] : [`from ${shape.minimum}`]),
    ...(shape.maximum === undefined ? [] : [`to ${shape.maximum}`]),
    ...(shape.maxLength === undefined ? [] : [`of ${shape.minLength ?? 'up'} to ${shape.maxLength} characters`]),
    ...(shape.pattern === undefined ? [] : [`like ${code(shape.pattern)}`]),
  ]
  return [shape.format ?? shape.type ?? 'any', ...bounds].join(' ')
}
