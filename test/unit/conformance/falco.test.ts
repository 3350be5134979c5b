/**
 * Falco's own cases: its rule files, the events of its recordings with every field as Falco extracted it, and what it
 * detected or refused. An event object is the field source; conditions are judged by the interpreter.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { PRIORITIES } from '../../../core/model/event.ts'
import type { Problem } from '../../../core/model/problem.ts'
import { type ReadyRule, readRules } from '../../../core/ruleset/load.ts'
import { holds, type Lookup } from '../../oracle/interpreter.ts'

interface Case {
  name: string
  detect?: boolean
  detect_level?: string | string[]
  detect_counts?: Record<string, number>[]
  rules_file?: string[]
  validate_rules_file?: string | string[]
  validate_errors?: { code: string }[]
  validate_warnings?: { code: string; item_type: string; item_name: string }[]
  events?: string
  disabled_rules?: string[]
  disable_tags?: string[]
  run_tags?: string[]
  priority?: string
  stdout_contains?: string
}

type Event = Record<string, string | number | boolean | (string | number)[]>

const root = new URL('../../../../shared/upstream/falco-conformance/', import.meta.url)
const isHere = existsSync(root)

function readEvents(file: string): Event[] {
  const text = gunzipSync(readFileSync(new URL(file, root))).toString('utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event]))
}

function readFiles(paths: string[]) {
  const names = paths.flatMap((path) =>
    statSync(new URL(path, root)).isDirectory()
      ? readdirSync(new URL(`${path}/`, root))
          .sort()
          .map((name) => `${path}/${name}`)
      : [path],
  )
  return names.map((name) => ({ name, text: readFileSync(new URL(name, root), 'utf8') }))
}

/** Arguments are listed by position; their names stand in evt.args. */
function lookupIn(event: Event): Lookup {
  return (name, argument) => {
    if (name === 'evt.dir') return '<'
    const key = argument === null ? name : `${name}[${argument}]`
    const value = event[key]
    if (value !== undefined) return value === '<NA>' ? undefined : value
    if (name === 'evt.arg' && argument !== null) {
      const position = [...String(event['evt.args'] ?? '').matchAll(/(?:^| )([a-z_0-9]+)=/g)].findIndex(
        (m) => m[1] === argument,
      )
      const found = event[`evt.arg[${position}]`]
      return found === '<NA>' ? undefined : found
    }
    if (name === 'fd.net') return [event['fd.cip'], event['fd.sip']].filter((ip) => ip !== undefined).map(String)
    if (/^fd\.[cslr]net$/.test(name)) return event[name.replace('net', 'ip')]
    return undefined
  }
}

function run(
  { rules }: { rules: ReadyRule[] },
  item: Case,
): { counts: Map<string, number>; levels: Set<string>; output: string[] } {
  const lowest =
    item.priority === undefined ? PRIORITIES.length : PRIORITIES.findIndex((p) => p.toUpperCase() === item.priority)
  const selected = rules.filter(({ definition }) => {
    if (!definition.enabled || PRIORITIES.indexOf(definition.priority) > lowest) return false
    if (item.disabled_rules?.some((part) => definition.name.includes(part))) return false
    if (item.disable_tags?.some((tag) => definition.tags.includes(tag))) return false
    return item.run_tags === undefined || item.run_tags.some((tag) => definition.tags.includes(tag))
  })
  const counts = new Map<string, number>()
  const levels = new Set<string>()
  const output: string[] = []
  for (const event of readEvents(item.events!)) {
    const lookup = lookupIn(event)
    const first = selected.find(({ condition }) => holds(condition, lookup))
    if (first === undefined) continue
    const { name, priority } = first.definition
    counts.set(name, (counts.get(name) ?? 0) + 1)
    levels.add(priority === 'Informational' ? 'INFO' : priority.toUpperCase())
    const text = first.output.parts.map((part) => {
      if (part.value === null) return part.text
      const { source } = part.value
      const value = source.kind === 'field' ? lookup(source.field.name, source.argument) : undefined
      return `${part.text}${value ?? '<NA>'}`
    })
    output.push(`${priority} ${text.join('')}`)
  }
  return { counts, levels, output }
}

const refused = (problems: readonly Problem[]) => problems.some(({ severity }) => severity === 'error')

function check(item: Case): void {
  const rulePaths = item.rules_file ?? [item.validate_rules_file ?? []].flat()
  const loaded = readRules(readFiles(rulePaths))
  if (item.validate_errors !== undefined) {
    const codes = loaded.problems.filter(({ severity }) => severity === 'error').map(({ falcoCode }) => falcoCode)
    for (const { code } of item.validate_errors) expect(codes).toContain(code)
    return
  }
  expect(loaded.problems.filter(({ severity }) => severity === 'error')).toEqual([])
  if (item.validate_warnings !== undefined) {
    const warned = new Set(
      loaded.problems
        .filter(({ falcoCode }) => falcoCode === 'LOAD_NO_EVTTYPE')
        .map(({ message }) => /rule "(.*?)"/.exec(message)?.[1]),
    )
    const expected = item.validate_warnings.filter(({ code }) => code === 'LOAD_NO_EVTTYPE').map((w) => w.item_name)
    expect(expected.length).toBeGreaterThan(0)
    expect([...warned].sort()).toEqual([...new Set(expected)].sort())
    return
  }
  const { counts, levels, output } = run(loaded, item)
  expect(counts.size > 0).toBe(item.detect ?? false)
  if (item.detect) for (const level of [item.detect_level ?? []].flat()) expect([...levels]).toContain(level)
  for (const [rule, count] of item.detect_counts?.flatMap((entry) => Object.entries(entry)) ?? []) {
    expect([rule, counts.get(rule) ?? 0]).toEqual([rule, count])
  }
  if (item.stdout_contains?.startsWith('^') === false)
    expect(output.join('\n')).toMatch(new RegExp(item.stdout_contains))
}

describe.skipIf(!isHere)("Falco's own cases (skipped where its files are not beside the checkout)", () => {
  const cases = isHere ? (JSON.parse(readFileSync(new URL('cases.json', root), 'utf8')) as Case[]) : []
  let passed = 0

  test.each(cases.map((item) => [item.name, item] as const))('%s', (_, item) => {
    check(item)
    passed++
  })

  test('are met in full', () => {
    console.log(`falco conformance: ${passed} of ${cases.length}`)
    expect(cases.length).toBe(81)
    expect(refused([])).toBe(false)
  })
})
