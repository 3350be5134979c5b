/**
 * The fields a search can name and how their values are found in a document. Documents are nested objects; a key that
 * itself contains dots counts as a path, as Elasticsearch reads it.
 */

export type FieldType = 'keyword' | 'long' | 'double' | 'ip' | 'date' | 'boolean'
/** ECS name → type. Fields that are not listed are compared as keywords, slowly. */
export type FieldTypes = Readonly<Record<string, FieldType>>

/** A value at the end of a path: never an object, never null. */
export type Leaf = string | number | boolean

interface PathNode {
  field: Field | null
  children: Map<string, PathNode>
}

export interface Field {
  name: string
  type: FieldType
  /** Position in `Fields.list`. */
  index: number
}

export interface Fields {
  readonly list: readonly Field[]
  find(name: string): Field | undefined
  /** Calls back for every leaf of a known field, arrays unrolled. */
  visit(body: Readonly<Record<string, unknown>>, found: (field: Field, value: Leaf) => void): void
}

/** Deeper documents are cut off there: no field of ours has as many parts. */
const MAX_DEPTH = 24

export function createFields(types: FieldTypes): Fields {
  const list = Object.entries(types).map(([name, type], index) => ({ name, type, index }))
  const byName = new Map(list.map((field) => [field.name, field]))
  const root: PathNode = { field: null, children: new Map() }
  for (const field of list) {
    let node = root
    for (const part of field.name.split('.')) {
      let child = node.children.get(part)
      if (child === undefined) {
        child = { field: null, children: new Map() }
        node.children.set(part, child)
      }
      node = child
    }
    node.field = field
  }
  return {
    list,
    find: (name) => byName.get(name),
    visit: (body, found) => visitObject(root, body, found, 0),
  }
}

function visitObject(
  node: PathNode,
  value: Readonly<Record<string, unknown>>,
  found: (field: Field, value: Leaf) => void,
  depth: number,
): void {
  if (depth > MAX_DEPTH || node.children.size === 0) return
  for (const key in value) {
    let child = node.children.get(key)
    if (child === undefined) {
      if (!key.includes('.')) continue
      child = descend(node, key)
      if (child === undefined) continue
    }
    visitValue(child, value[key], found, depth + 1)
  }
}

function visitValue(node: PathNode, value: unknown, found: (field: Field, value: Leaf) => void, depth: number): void {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    if (node.field !== null) found(node.field, value)
  } else if (Array.isArray(value)) {
    if (depth <= MAX_DEPTH) for (const element of value) visitValue(node, element, found, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    visitObject(node, value as Record<string, unknown>, found, depth)
  }
}

function descend(node: PathNode, dotted: string): PathNode | undefined {
  let found: PathNode | undefined = node
  for (const part of dotted.split('.')) found = found?.children.get(part)
  return found
}

/** The leaves of one field, whether it is listed or not. */
export function leavesOf(body: Readonly<Record<string, unknown>>, field: string): Leaf[] {
  const leaves: Leaf[] = []
  collect(body, field.split('.'), 0, leaves, 0)
  return leaves
}

function collect(value: unknown, path: readonly string[], from: number, leaves: Leaf[], depth: number): void {
  if (depth > MAX_DEPTH * 2) return
  if (Array.isArray(value)) {
    for (const element of value) collect(element, path, from, leaves, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    let key = ''
    for (let to = from; to < path.length; to++) {
      key = to === from ? path[to]! : `${key}.${path[to]}`
      if (Object.hasOwn(value, key)) {
        collect((value as Record<string, unknown>)[key], path, to + 1, leaves, depth + 1)
      }
    }
  } else if (
    from === path.length &&
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
  ) {
    leaves.push(value)
  }
}
