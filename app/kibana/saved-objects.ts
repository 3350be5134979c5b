/** The saved objects that come with Seamark, as they are sent to Kibana. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../../deploy/kibana', import.meta.url))
/** What data views of the files begin with. */
const SHIPPED_PREFIX = 'seamark'

export interface SavedObject {
  type: string
  id: string
  attributes: { title: string } & Record<string, unknown>
}

/** With data views of indices that begin with `prefix`, as `elasticsearch.prefix` has it. */
export function readSavedObjects(prefix: string = SHIPPED_PREFIX): SavedObject[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => withPrefix(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as SavedObject, prefix))
}

function withPrefix(object: SavedObject, prefix: string): SavedObject {
  if (object.type !== 'index-pattern') return object
  const title = `${prefix}${object.attributes.title.slice(SHIPPED_PREFIX.length)}`
  return { ...object, attributes: { ...object.attributes, title } }
}
