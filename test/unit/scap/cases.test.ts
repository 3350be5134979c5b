/**
 * Falco's own detection cases, run as a user would: the capture is read, the compiled engine judges it, and what is
 * detected is counted.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openCapture } from '../../../collector/sources/scap/capture-file.ts'
import { PRIORITIES } from '../../../core/model/event.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { CONFORMANCE, tracePath } from './recorded-events.ts'

interface Case {
  name: string
  detect?: boolean
  detect_level?: string | string[]
  detect_counts?: Record<string, number>[]
  rules_file?: string[]
  events?: string
  disable_tags?: string[]
  run_tags?: string[]
  disabled_rules?: string[]
  priority?: string
}

const root = `${CONFORMANCE}`

function readFiles(paths: readonly string[]) {
  return paths
    .flatMap((path) =>
      statSync(`${root}${path}`).isDirectory()
        ? readdirSync(`${root}${path}`)
            .sort()
            .map((name) => `${path}/${name}`)
        : [path],
    )
    .map((name) => ({ name, text: readFileSync(`${root}${name}`, 'utf8') }))
}

async function detections(item: Case): Promise<{ counts: Map<string, number>; levels: Set<string> }> {
  const { ruleSet, problems } = loadRuleSet(readFiles(item.rules_file ?? []), { ruleMatching: 'all' })
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  const lowest =
    item.priority === undefined ? PRIORITIES.length : PRIORITIES.findIndex((p) => p.toUpperCase() === item.priority)
  const selected = ruleSet!.rules.map(
    ({ name, tags, priority }) =>
      PRIORITIES.indexOf(priority) <= lowest &&
      item.disabled_rules?.some((part) => name.includes(part)) !== true &&
      item.disable_tags?.some((tag) => tags.includes(tag)) !== true &&
      (item.run_tags === undefined || item.run_tags.some((tag) => tags.includes(tag))),
  )
  const counts = new Map<string, number>()
  const levels = new Set<string>()
  const trace = /([^/]+)\.jsonl\.gz$/.exec(item.events ?? '')![1]!
  for await (const batch of (await openCapture(tracePath(trace), { eventTypes: ruleSet!.plan.eventTypes }))!) {
    // Falco tells the first rule that holds among those it runs.
    const told = new Set<string>()
    for (const { table, row, rule } of ruleSet!.detect(batch)) {
      if (!selected[rule] || told.has(`${table}/${row}`)) continue
      told.add(`${table}/${row}`)
      const { name, priority } = ruleSet!.rules[rule]!
      counts.set(name, (counts.get(name) ?? 0) + 1)
      levels.add(priority === 'Informational' ? 'INFO' : priority.toUpperCase())
    }
  }
  return { counts, levels }
}

describe.skipIf(CONFORMANCE === null)("Falco's cases over its captures (skipped where they are absent)", () => {
  const all = CONFORMANCE === null ? [] : (JSON.parse(readFileSync(`${root}cases.json`, 'utf8')) as Case[])
  const cases = all.filter(({ detect, events }) => detect !== undefined && events?.endsWith('.jsonl.gz'))

  test.each(cases.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const { counts, levels } = await detections(item)
    expect(counts.size > 0).toBe(item.detect)
    if (item.detect) for (const level of [item.detect_level ?? []].flat()) expect([...levels]).toContain(level)
    for (const [rule, count] of item.detect_counts?.flatMap((entry) => Object.entries(entry)) ?? []) {
      expect([rule, counts.get(rule) ?? 0]).toEqual([rule, count])
    }
  })

  test('are many', () => {
    console.log(`cases over captures: ${cases.length}`)
    expect(cases.length).toBeGreaterThan(40)
  })
})
