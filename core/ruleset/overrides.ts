/** How an item changes an earlier one of its name: `override: {key: append|replace}`, or the older `append: true`. */
import type { ItemReader } from './item-reader.ts'

/** Which keys are appended and which replaced; null for an item that defines or redefines as a whole. */
export interface Changes {
  append: ReadonlySet<string>
  replace: ReadonlySet<string>
}

export interface Overridable {
  append: readonly string[]
  replace: readonly string[]
}

/** Reads both forms. Mistakes are noted and the item counts as failed. */
export function readChanges(item: ItemReader, allowed: Overridable): Changes | null {
  const isAppend = item.boolean('append') === true
  const entry = item.item.entries.get('override')
  if (isAppend) {
    if (entry !== undefined) item.shape(entry.key, '"append" and "override" exclude each other')
    item.warn(
      'W_RULE_DEPRECATED',
      'LOAD_DEPRECATED_ITEM',
      item.keyOf('append'),
      '"append" is deprecated',
      'use override',
    )
    return { append: new Set(allowed.append), replace: new Set() }
  }
  if (entry === undefined) return null
  const append = new Set<string>()
  const replace = new Set<string>()
  if (entry.value.kind !== 'map') {
    item.shape(entry.key, '"override" is a map of keys to append or replace')
    return { append, replace }
  }
  for (const { key, value } of entry.value.entries.values()) {
    const how = value.kind === 'scalar' ? value.scalar.text : ''
    if (how !== 'append' && how !== 'replace') {
      item.shape(key, `"${key.text}" is overridden by append or replace, not "${how}"`)
    } else if (!allowed[how].includes(key.text)) {
      item.shape(key, `"${key.text}" of a ${item.kind} cannot be overridden by ${how}`)
    } else if (!item.has(key.text)) {
      item.shape(key, `"${key.text}" is overridden but not given`)
    } else (how === 'append' ? append : replace).add(key.text)
  }
  for (const key of new Set([...allowed.append, ...allowed.replace])) {
    if (item.has(key) && !append.has(key) && !replace.has(key) && !entry.value.entries.has(key)) {
      item.shape(item.keyOf(key), `"${key}" is given without an entry under "override"`)
    }
  }
  return { append, replace }
}
