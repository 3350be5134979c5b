/** Values of a YAML map by dotted key, with a problem at its place for each that is of another kind. */
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import type { Problem } from '../../core/model/problem.ts'
import type { RuleSelection, RuleSelector } from '../rules/rule-selection.ts'
import { expandEnvironment } from './environment.ts'

/** Falco's reader takes the booleans of YAML 1.1. */
const TRUE: ReadonlySet<string> = new Set(['true', 'yes', 'on', 'y'])
const FALSE: ReadonlySet<string> = new Set(['false', 'no', 'off', 'n'])

export class FalcoValues {
  readonly problems: Problem[] = []
  private readonly root: YAMLMap | null
  private readonly locate: (node: Node | null | undefined) => Problem['location']

  constructor(root: YAMLMap | null, locate: (node: Node | null | undefined) => Problem['location']) {
    this.root = root
    this.locate = locate
  }

  /** Undefined for what is not there, or null. */
  nodeOf(key: string): Node | undefined {
    let node: unknown = this.root
    for (const part of key.split('.')) {
      if (!isMap(node)) return undefined
      node = node.get(part, true)
    }
    return isScalar(node) && node.value === null ? undefined : (node as Node | undefined)
  }

  text(key: string): string | undefined {
    const value = this.scalar(key)
    if (value === undefined) return undefined
    if (typeof value === 'string' && value !== '') return value
    // A path or command that is left empty is none.
    if (value !== '') this.mistake(key, `${key} is a text`)
    return undefined
  }

  boolean(key: string): boolean | undefined {
    const value = this.scalar(key)
    if (value === undefined || typeof value === 'boolean') return value
    const word = typeof value === 'string' ? value.toLowerCase() : ''
    if (TRUE.has(word) || FALSE.has(word)) return TRUE.has(word)
    this.mistake(key, `${key} is true or false`)
    return undefined
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const text = this.text(key)
    const found = allowed.find((one) => one === text)
    if (text !== undefined && found === undefined) this.mistake(key, `${key} is one of ${allowed.join(', ')}`)
    return found
  }

  /** One text or several. */
  texts(key: string): string[] {
    const node = this.nodeOf(key)
    if (node === undefined) return []
    const items = isSeq(node) ? node.items : [node]
    return items.flatMap((item) => {
      if (isScalar(item) && typeof item.value === 'string') return [expandEnvironment(item.value)]
      this.mistake(key, `${key} is a list of texts`)
      return []
    })
  }

  /** `- enable: {rule: …}`, `- disable: {tag: …}`. */
  selection(key: string): RuleSelection['select'] {
    const node = this.nodeOf(key)
    if (node === undefined) return []
    if (!isSeq(node)) return this.badSelection(key)
    return node.items.flatMap((item) => {
      const entry = isMap(item) ? (item.toJSON() as Record<string, unknown>) : {}
      const [action, ...others] = Object.keys(entry)
      const selector = entry[action ?? ''] as RuleSelector | undefined
      const isKnown = (action === 'enable' || action === 'disable') && others.length === 0
      if (!isKnown || !isSelector(selector)) return this.badSelection(key)
      return [{ [action]: selector }]
    })
  }

  /** Notes it at the place of the key; the text stands in for a value that is not there. */
  mistake(key: string, message: string): string {
    const parts = key.split('.')
    let node = this.nodeOf(key)
    while (node === undefined && parts.length > 1) {
      parts.pop()
      node = this.nodeOf(parts.join('.'))
    }
    this.problems.push({ code: 'E_CONFIG_VALUE', severity: 'error', message, location: this.locate(node) })
    return ''
  }

  private badSelection(key: string): [] {
    this.mistake(key, `${key} is a list of "enable" or "disable", each with a "rule" or a "tag"`)
    return []
  }

  private scalar(key: string): unknown {
    const node = this.nodeOf(key)
    if (node === undefined) return undefined
    if (isScalar(node)) return typeof node.value === 'string' ? expandEnvironment(node.value) : node.value
    this.mistake(key, `${key} is a single value`)
    return undefined
  }
}

function isSelector(value: unknown): value is RuleSelector {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value)
  return (
    entries.length > 0 && entries.every(([key, one]) => (key === 'rule' || key === 'tag') && typeof one === 'string')
  )
}
