/** docs/reference/config.md, from the schema in app/config.ts. */
import type { TSchema } from 'typebox'
import { ConfigSchema, ENVIRONMENT } from '../../app/config.ts'
import { page, tableOf } from './markdown.ts'

interface Shape {
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, Shape>
  enum?: unknown[]
  minimum?: number
  maximum?: number
  items?: Shape
}

export function configPage(): string {
  const variables = new Map(Object.entries(ENVIRONMENT).map(([variable, path]) => [path, variable]))
  const rows: string[][] = []
  const visit = (shape: Shape, path: string) => {
    for (const [key, child] of Object.entries(shape.properties ?? {})) {
      const at = path === '' ? key : `${path}.${key}`
      if (child.properties !== undefined) visit(child, at)
      else {
        const variable = variables.get(at)
        rows.push([
          `\`${at}\``,
          kindOf(child),
          defaultOf(child),
          child.description ?? '',
          variable === undefined ? '' : `\`${variable}\``,
        ])
      }
    }
  }
  visit(ConfigSchema as TSchema as Shape, '')
  return page(
    'Configuration',
    'One YAML file (`--config FILE`, `SEAMARK_CONFIG`, else `/etc/seamark/seamark.yml` where it exists), one section per stage. ' +
      'Defaults < file < environment < command line. Unknown keys are refused. Source: `app/config.ts`.',
    tableOf(['key', 'value', 'default', 'meaning', 'environment'], rows),
  )
}

function kindOf(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (shape.type === 'array') {
    const isLong = (shape.items?.enum?.length ?? 0) > 8
    return isLong ? 'list of event types' : `list of ${shape.items?.type ?? 'values'}`
  }
  const bounds =
    shape.minimum === undefined
      ? ''
      : ` from ${shape.minimum}${shape.maximum === undefined ? '' : ` to ${shape.maximum}`}`
  return `${shape.type ?? ''}${bounds}`
}

function defaultOf(shape: Shape): string {
  return shape.default === undefined
    ? ''
    : `\`${Array.isArray(shape.default) ? shape.default.join(', ') || '[]' : String(shape.default)}\``
}
