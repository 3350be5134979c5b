/** What the configuration adds to the outputs of rules, in the detections of a rule set that was loaded with it. */
import { expect, test } from 'vitest'
import { appendedFile, type OutputAppend } from '../../../app/rules/appended-output.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

const rule = (name: string, more: string) =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = execve\n  output: ran %proc.name\n  priority: info\n  ${more}\n`
const files = [
  { name: 'a.yaml', text: rule('one', 'tags: [x, y]') + rule('two', 'tags: [x]') },
  {
    name: 'b.yaml',
    text: '- rule: docker\n  desc: d\n  source: docker\n  condition: docker.type = image\n  output: o\n  priority: info\n',
  },
]

function outputs(appended: readonly OutputAppend[]) {
  const made = appendedFile(files, appended)!
  const { ruleSet, problems } = loadRuleSet([...files, made])
  expect(problems).toEqual([])
  // The rules are where they were.
  expect(ruleSet!.rules.map(({ file }) => file)).toEqual(['a.yaml', 'a.yaml', 'b.yaml'])
  const builder = new BatchBuilder(0n)
  builder.add('container', { containerId: 'a'.repeat(64), containerName: 'web' })
  builder.add('process', { pid: 7, comm: 'sh', userName: 'root', tty: 34816, container: 0 })
  builder.addEvent('exec', 0n, { type: EVENT_TYPES.execve.code, process: 0, ret: 0 })
  const batch = builder.build()
  const context = { hostname: 'h', collector: 'h', idOf: () => 'e', day: () => ({ day: '2026-11-23', part: 0 }) }
  return ruleSet!.detect(batch).map((match) => {
    const { rule: name, output, fields } = ruleSet!.detection(batch, match, context)
    return [name, output, fields]
  })
}

test('nothing makes no file', () => {
  expect(appendedFile(files, [])).toBeNull()
  expect(appendedFile(files, [{ match: { rule: 'three' }, extraOutput: 'x' }])).toBeNull()
})

test('text and fields go to the rules that match, one entry after the other', () => {
  const given: OutputAppend[] = [
    { extraOutput: 'by %user.name', match: { tags: ['x', 'y'] } },
    {
      extraFields: ['proc.tty', { name: 'who', format: '%user.name on %container.name' }],
      match: { source: 'syscall' },
    },
    { extraOutput: 'at %proc.tty', match: { rule: 'one' } },
  ]
  const fields = { 'proc.name': 'sh', 'proc.tty': 34816, who: 'root on web' }
  expect(outputs(given)).toEqual([
    ['one', 'ran sh by root at 34816', { ...fields, 'user.name': 'root' }],
    ['two', 'ran sh', fields],
  ])
})

test('what Falco suggests names container and pod, where events of the source have them', () => {
  const [[, output] = []] = outputs([{ suggestedOutput: true }])
  expect(output).toBe(
    `ran sh container_id=${'a'.repeat(12)} container_name=web container_image_repository=<NA> ` +
      'container_image_tag=<NA> k8s_pod_name=<NA> k8s_ns_name=<NA>',
  )
  expect(JSON.parse(appendedFile(files, [{ suggestedOutput: true }])!.text)).toHaveLength(3)
  expect(JSON.parse(appendedFile(files, [{ extraOutput: '%proc.name' }])!.text)).toHaveLength(2)
})

test.each([
  [{ extraOutput: '%proc.nmae' }, 'unknown field "proc.nmae"'],
  [{ extraFields: ['proc.nmae'] }, 'unknown field "proc.nmae"'],
  [{ extraFields: ['some text'] }, '"some text" is no field'],
  [{ extraFields: Array.from({ length: 101 }, () => 'proc.name') }, 'at most 100 entries'],
])('a mistake in it is told when the rules are loaded: %j', (entry, expected) => {
  const { ruleSet, problems } = loadRuleSet([...files, appendedFile(files, [entry as OutputAppend])!])
  expect(ruleSet).toBeNull()
  expect(problems.map(({ message }) => message).join('\n')).toContain(expected)
  expect(problems[0]!.location.file).toBe('(appended by the configuration)')
})
