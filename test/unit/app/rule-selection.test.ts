import { expect, test } from 'vitest'
import { selectionFile } from '../../../app/rules/rule-selection.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

const rule = (name: string, tag: string, priority: string, more = '') =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: ${priority}\n  tags: [${tag}]\n${more}`
const files = [
  {
    name: 'r.yaml',
    text:
      rule('Shell in host', 'shell', 'warning') +
      rule('Shell in container', 'shell', 'critical') +
      rule('Write below etc', 'file', 'notice', '  enabled: false\n'),
  },
]

function enabledWith(selection: Parameters<typeof selectionFile>[1]): string[] {
  const selected = selectionFile(files, selection)
  const { ruleSet, problems } = loadRuleSet(selected === null ? files : [...files, selected])
  expect(problems).toEqual([])
  return ruleSet!.rules.filter(({ enabled }) => enabled).map(({ name }) => name)
}

test('rules are as their files have them where nothing is selected', () => {
  expect(selectionFile(files, { select: [], leastPriority: 'Debug' })).toBeNull()
  expect(enabledWith({ select: [{ enable: { rule: 'nobody' } }], leastPriority: 'Debug' })).toEqual([
    'Shell in host',
    'Shell in container',
  ])
})

test('selectors by name and tag apply one after the other, and the priority at the end', () => {
  const select = [{ disable: { rule: '*' } }, { enable: { tag: 'file' } }, { enable: { rule: 'Shell in *' } }]
  expect(enabledWith({ select, leastPriority: 'Debug' })).toEqual([
    'Shell in host',
    'Shell in container',
    'Write below etc',
  ])
  expect(enabledWith({ select, leastPriority: 'Warning' })).toEqual(['Shell in host', 'Shell in container'])
  expect(enabledWith({ select: [...select, { disable: { rule: 'Shell in host' } }], leastPriority: 'Error' })).toEqual([
    'Shell in container',
  ])
})

test('what is selected is part of the version, as any other rule text is', () => {
  const version = (more: typeof files) => loadRuleSet([...files, ...more]).ruleSet!.version
  const selected = selectionFile(files, { select: [{ disable: { tag: 'shell' } }], leastPriority: 'Debug' })!
  expect(version([selected])).not.toBe(version([]))
})
