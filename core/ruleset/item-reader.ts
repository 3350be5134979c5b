/** Reads the keys of one item, and notes what is missing, misplaced or unknown. */
import { nearestName } from '../language/nearest-name.ts'
import type { Problem } from '../model/problem.ts'
import type { Scalar } from './rule-file.ts'
import type { Item, ItemMap } from './yaml-items.ts'

export type Report = (at: Scalar, problem: Omit<Problem, 'location' | 'snippet'>) => void

export class ItemReader {
  readonly item: ItemMap
  readonly kind: string
  /** The item's name, as `rule: NAME` gives it. */
  readonly name: Scalar
  private readonly report: Report
  failed = false

  constructor(item: ItemMap, kind: string, report: Report) {
    this.item = item
    this.kind = kind
    this.report = report
    const entry = item.entries.get(kind)!
    this.name = entry.value.kind === 'scalar' ? entry.value.scalar : entry.key
    // This one item is a list without a name.
    if (kind === 'required_plugin_versions') return
    if (entry.value.kind !== 'scalar') this.shape(entry.key, `the name after "${kind}" is a plain text`)
    else if (this.name.text === '' || entry.value.isNull) this.shape(entry.key, `the name after "${kind}" is empty`)
  }

  has(key: string): boolean {
    return this.item.entries.has(key)
  }

  /** As messages call it. */
  private get title(): string {
    return this.kind.startsWith('required_') ? this.kind : `${this.kind} "${this.name.text}"`
  }

  keyOf(key: string): Scalar {
    return this.item.entries.get(key)?.key ?? this.name
  }

  /** A text that is not empty; undefined when the key is missing, or after a problem was noted. */
  text(key: string): Scalar | undefined {
    const value = this.item.entries.get(key)?.value
    if (value === undefined) return undefined
    if (value.kind === 'scalar' && value.scalar.text.trim() !== '') return value.scalar
    this.shape(this.keyOf(key), value.kind === 'scalar' ? `"${key}" is empty` : `"${key}" is a plain text`)
    return undefined
  }

  required(key: string): Scalar | undefined {
    if (!this.has(key)) {
      this.shape(this.name, `${this.kind} "${this.name.text}" has no "${key}"`)
      return undefined
    }
    return this.text(key)
  }

  /** A sequence of texts. */
  texts(key: string): Scalar[] | undefined {
    const value = this.item.entries.get(key)?.value
    if (value === undefined) return undefined
    if (value.kind === 'scalar' && value.isNull) return []
    if (value.kind === 'sequence') {
      const scalars = scalarsOf(value)
      if (scalars !== null) return scalars
    }
    this.shape(this.keyOf(key), `"${key}" is a list of plain texts`)
    return undefined
  }

  boolean(key: string): boolean | undefined {
    const value = this.item.entries.get(key)?.value
    if (value === undefined) return undefined
    const text = value.kind === 'scalar' ? value.scalar.text.toLowerCase() : ''
    if (['true', 'yes', 'on', 'y'].includes(text)) return true
    if (['false', 'no', 'off', 'n'].includes(text)) return false
    this.shape(this.keyOf(key), `"${key}" is true or false`)
    return undefined
  }

  /** Warns about keys that mean nothing here: in the item, or in a map within it. */
  expectKeys(known: readonly string[], map: ItemMap = this.item, what = this.title): void {
    for (const { key } of map.entries.values()) {
      if (known.includes(key.text)) continue
      const near = nearestName(key.text, known)
      this.report(key, {
        code: 'W_RULE_KEY',
        falcoCode: 'LOAD_UNKNOWN_KEY',
        severity: 'warning',
        message: `unknown key "${key.text.slice(0, 60)}" in ${what}`,
        ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
      })
    }
  }

  shape(at: Scalar, message: string, hint?: string): void {
    this.error('E_RULE_SHAPE', 'LOAD_ERR_YAML_VALIDATE', at, message, hint)
  }

  invalid(at: Scalar, message: string, hint?: string): void {
    this.error('E_RULE_INVALID', 'LOAD_ERR_VALIDATE', at, message, hint)
  }

  /** `falcoCode` is undefined where Falco has none. */
  warn(code: string, falcoCode: string | undefined, at: Scalar, message: string, hint?: string): void {
    const falco = falcoCode === undefined ? {} : { falcoCode }
    this.report(at, { code, ...falco, severity: 'warning', message, ...(hint === undefined ? {} : { hint }) })
  }

  private error(code: string, falcoCode: string, at: Scalar, message: string, hint?: string): void {
    this.failed = true
    this.report(at, { code, falcoCode, severity: 'error', message, ...(hint === undefined ? {} : { hint }) })
  }
}

/** The scalars of a sequence; null when something else is in it. */
export function scalarsOf(item: Item): Scalar[] | null {
  if (item.kind !== 'sequence') return null
  const scalars: Scalar[] = []
  for (const child of item.items) {
    if (child.kind !== 'scalar') return null
    scalars.push(child.scalar)
  }
  return scalars
}
