/** The fields that Elasticsearch has an index of, read from our own index template: what a panel can count by. */
import { indexTemplate } from '../../backends/elasticsearch/template.ts'
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../../core/fields/document-fields.ts'
import { PREFIX } from './data-views.ts'

interface Mapping {
  type?: string
  properties?: Record<string, Mapping>
}

/** Name → type of the mapping, such as `keyword` or `flattened`; multi-fields left out. */
export function templateFields(): ReadonlyMap<string, string> {
  const template = indexTemplate({
    prefix: PREFIX,
    fields: DOCUMENT_FIELDS,
    openObjects: OPEN_OBJECTS,
    wildcardType: true,
    logsdb: true,
  })
  const { mappings } = template.template as { mappings: Mapping }
  const found = new Map<string, string>()
  collect(mappings, '', found)
  return found
}

function collect({ type, properties = {} }: Mapping, name: string, found: Map<string, string>): void {
  if (type !== undefined) found.set(name, type)
  for (const [key, child] of Object.entries(properties)) collect(child, name === '' ? key : `${name}.${key}`, found)
}
