/** Gives every distinct string of a field its code, remembering recent ones; part of the writer's transaction. */
import type { Database } from '../database.ts'
import { FORM, MAX_CODED_CHARS, trigramText } from './schema.ts'

export interface Dictionary {
  /** The code of one value of the field numbered `field`. */
  code(field: number, value: string): number
  /** The code of several values together. */
  listCode(field: number, values: readonly string[]): number
  /** Forgets what a rolled back transaction had added. */
  reset(): void
}

/** Strings remembered; more are looked up in the file. About 30 MB. */
const MAX_REMEMBERED = 200_000

export function createDictionary({ prepare }: Database): Dictionary {
  /** One map per (field, form), so that no key has to be put together. */
  const remembered = new Map<number, Map<string, number>>()
  let size = 0

  function lookup(field: number, form: number, value: string): number {
    const group = field * 4 + form
    let map = remembered.get(group)
    if (map === undefined) {
      map = new Map()
      remembered.set(group, map)
    }
    const known = map.get(value)
    if (known !== undefined) return known
    const code = find(field, form, value) ?? add(field, form, value)
    if (size >= MAX_REMEMBERED) {
      remembered.clear()
      remembered.set(group, map)
      map.clear()
      size = 0
    }
    map.set(value, code)
    size += 1
    return code
  }

  function find(field: number, form: number, value: string): number | undefined {
    const text = 'SELECT code FROM dictionary WHERE field = ? AND form = ? AND value = ?'
    return prepare(text).get(field, form, value)?.code as number | undefined
  }

  function add(field: number, form: number, value: string): number {
    const text = 'INSERT INTO dictionary (field, form, value) VALUES (?, ?, ?)'
    const code = Number(prepare(text).run(field, form, value).lastInsertRowid)
    if (form === FORM.single && value.length >= 3) {
      prepare('INSERT INTO trigrams (rowid, value) VALUES (?, ?)').run(code, trigramText(value))
    }
    return code
  }

  return {
    code(field, value) {
      return value.length > MAX_CODED_CHARS ? lookup(field, FORM.long, '') : lookup(field, FORM.single, value)
    },
    listCode(field, values) {
      const text = JSON.stringify(values)
      return text.length > MAX_CODED_CHARS ? lookup(field, FORM.long, '') : lookup(field, FORM.list, text)
    },
    reset() {
      remembered.clear()
      size = 0
    },
  }
}
