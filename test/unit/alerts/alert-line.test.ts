import { expect, test } from 'vitest'
import { alertLine } from '../../../alerts/notify/alert-line.ts'
import { DEFAULT_FORMAT, type FalcoFormat, falcoLine } from '../../../alerts/notify/falco-format.ts'
import type { Detection } from '../../../core/model/detection.ts'

const detection: Detection = {
  id: 'd1',
  rule: 'Interactive shell in container',
  ruleset: 'r1',
  source: 'syscall',
  priority: 'Warning',
  tags: ['shell', 'container'],
  hostname: 'host-1',
  timeNs: '1795353672381655552',
  timeMs: 1795353672381,
  key: [],
  evidence: ['e1'],
  output: 'A shell was started (command=sh parent=nginx)',
  fields: { 'proc.name': 'sh', 'evt.time': 1 },
  event: { user: { name: 'app' }, container: { name: 'web', image: { name: 'nginx:1' } } },
  day: '2026-11-22',
  part: 0,
}

test('names time, priority, rule, what happened, user, container and image in one line', () => {
  expect(alertLine(detection, false)).toBe(
    '13:21:12.381  Warning   Interactive shell in container  A shell was started (command=sh parent=nginx)  user=app  container=web  image=nginx:1',
  )
})

test('does not repeat what the rule already says', () => {
  const line = alertLine({ ...detection, output: 'A shell in web of app (image nginx:1)' }, false)
  expect(line).toMatch(/A shell in web of app \(image nginx:1\)$/)
})

test('leaves out what the event has no value for, and nothing that only looks like it', () => {
  const output = 'Write in web | path=/etc/x target=<NA> command=sh x=<NA>'
  const fields = { 'fs.path.name': '/etc/x', 'fs.path.target': null, 'proc.cmdline': 'sh x=<NA>' }
  expect(alertLine({ ...detection, output, fields }, false)).toContain('Write in web | path=/etc/x command=sh x=<NA>')
  expect(alertLine({ ...detection, output: 'a b=<NA>', fields: { b: null } }, false)).toMatch(/ {2}a {2}user/)
  expect(alertLine({ ...detection, output: 'a b=<NA>', fields: { b: '<NA>' } }, false)).toContain('a b=<NA>')
})

test('says host where there is no container', () => {
  expect(alertLine({ ...detection, event: {} }, false)).toMatch(/container=host$/)
})

test('colours only when asked to', () => {
  expect(alertLine(detection, true)).toContain('\u001b[')
  expect(alertLine(detection, false)).not.toContain('\u001b')
})

test('cannot be broken into two lines, coloured or turned around by what an attacker ran', () => {
  const hostile = 'x\n13:00:00.000  Critical  Forged  \u001b[2J\u202e'
  const line = alertLine(
    { ...detection, output: hostile, event: { user: { name: hostile }, container: { name: hostile } } },
    false,
  )
  expect(/[\u0000-\u001f\u202a-\u202e]/.test(line)).toBe(false)
})

const line = (format: Partial<FalcoFormat> = {}) => falcoLine(detection, { ...DEFAULT_FORMAT, ...format })
/** As this machine's clock on the wall shows it. */
const at = new Date(detection.timeMs)
const timeOfDay = `${[at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':')}.381655552`

test("is Falco's JSON object with our id, times in nanoseconds and keys in order", () => {
  expect(JSON.parse(line())).toEqual({
    hostname: 'host-1',
    id: 'd1',
    output: `${timeOfDay}: Warning ${detection.output}`,
    output_fields: { 'evt.time': Number(detection.timeNs), 'proc.name': 'sh' },
    priority: 'Warning',
    rule: detection.rule,
    source: 'syscall',
    tags: ['container', 'shell'],
    time: '2026-11-22T13:21:12.381655552Z',
  })
  expect(line()).toContain('"evt.time":1795353672381655552,')
  expect(Object.keys(JSON.parse(line()))).toEqual([...Object.keys(JSON.parse(line()))].sort())
})

test('has times as nanoseconds whatever prints them, and several values as one text', () => {
  const fields = {
    ...{ 'evt.time.s': '13:21:12', 'evt.datetime': '2026-11-22 13:21:12', 'evt.rawtime': detection.timeNs },
    ...{
      'proc.pid.ts': '1795353672381655553',
      'proc.aname': ['sh', 'runc'],
      'proc.apid': [7, 1],
      'proc.name': '12345',
    },
  }
  const text = falcoLine({ ...detection, fields }, { ...DEFAULT_FORMAT, jsonParts: ['output_fields'] })
  for (const name of ['evt.time', 'evt.time.s', 'evt.datetime', 'evt.rawtime'])
    expect(text).toContain(`"${name}":1795353672381655552,`)
  expect(text).toContain('"proc.pid.ts":1795353672381655553')
  expect(JSON.parse(text).output_fields).toMatchObject({
    ...{ 'proc.aname': 'sh runc', 'proc.apid': '7 1', 'proc.name': '12345' },
  })
})

test('has the parts that are asked for, and times in UTC where wanted', () => {
  const told = JSON.parse(line({ iso8601Times: true, jsonParts: ['message', 'output', 'output_fields'] }))
  expect(told).toMatchObject({
    message: detection.output,
    output: `2026-11-22T13:21:12.381655552+0000: Warning ${detection.output}`,
    output_fields: { 'evt.time.iso8601': Number(detection.timeNs) },
  })
  expect(Object.keys(told)).not.toContain('tags')
  expect(Object.keys(JSON.parse(line({ jsonParts: [] })))).toEqual([
    'hostname',
    'id',
    'priority',
    'rule',
    'source',
    'time',
  ])
})

test("is Falco's line of text, which nothing an attacker ran can break", () => {
  expect(line({ kind: 'text' })).toBe(`${timeOfDay}: Warning ${detection.output}`)
  const hostile = falcoLine(
    { ...detection, output: 'a\n00:00 Critical forged\u001b[2J' },
    { ...DEFAULT_FORMAT, kind: 'text' },
  )
  expect(hostile).toBe(`${timeOfDay}: Warning a\\n00:00 Critical forged\\x1b[2J`)
})
