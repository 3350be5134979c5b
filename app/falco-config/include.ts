/**
 * `config_files` of a falco.yaml: files and folders whose keys come on top of its own. Keys of the first level count as a
 * whole. Strategies: `append` (the default) adds to lists and replaces all else, `override` replaces, `add-only` brings
 * only keys that are not there yet.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, isSeq, type Node, visit, type YAMLMap } from 'yaml'
import { expandEnvironment } from './environment.ts'

export type Strategy = 'append' | 'override' | 'add-only'
const STRATEGIES: readonly Strategy[] = ['append', 'override', 'add-only']

export interface Include {
  path: string
  strategy: Strategy
  node: Node
}

/** Null for an entry that is none. */
export function includesOf(root: YAMLMap): (Include | null)[] {
  const named = root.get('config_files', true) as unknown
  if (named === undefined || (isScalar(named) && named.value === null)) return []
  const items = isSeq(named) ? named.items : [named]
  return items.map((item) => {
    if (isScalar(item) && typeof item.value === 'string')
      return { path: expandEnvironment(item.value), strategy: 'append', node: item }
    if (!isMap(item)) return null
    const path = item.get('path')
    const strategy = item.get('strategy') ?? 'append'
    const found = STRATEGIES.find((one) => one === strategy)
    if (typeof path !== 'string' || found === undefined) return null
    return { path: expandEnvironment(path), strategy: found, node: item as Node }
  })
}

/** The file, or those of the folder by name; null where there is neither. */
export function filesOf(path: string): string[] | null {
  if (!existsSync(path)) return null
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name))
}

/** Puts what `from` says on top. */
export function merge(into: YAMLMap, from: YAMLMap, strategy: Strategy): void {
  for (const pair of from.items) {
    const key = isScalar(pair.key) ? pair.key.value : pair.key
    // An included file includes nothing.
    if (key === 'config_files') continue
    const known = into.items.find((one) => isScalar(one.key) && one.key.value === key)
    if (known === undefined) into.items.push(pair)
    else if (strategy === 'append' && isSeq(known.value) && isSeq(pair.value))
      known.value.items.push(...pair.value.items)
    else if (strategy !== 'add-only') Object.assign(known, { key: pair.key, value: pair.value })
  }
}

/** Every node below. */
export function nodesBelow(root: YAMLMap): Node[] {
  const nodes: Node[] = []
  visit(root, {
    Node(_, node) {
      nodes.push(node as Node)
    },
  })
  return nodes
}
