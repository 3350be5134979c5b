/** `seamark replay` of a capture, as a user runs it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventBlock, processBlock, sectionBlock, u32, userBlock } from './capture-writer.ts'

const RULE = `
- rule: secrets
  desc: who reads secrets
  condition: evt.type = openat and fd.name startswith /secret/
  output: "%user.name opened %fd.name with %proc.cmdline"
  priority: WARNING
`
const open = (timeNs: bigint, path: string) =>
  eventBlock({ code: 307, tid: 10, timeNs, parameters: [3, -100, path, u32(1), u32(0), u32(0), 0] })
const CAPTURE = Buffer.concat([
  sectionBlock(),
  userBlock([[1000, 'ann']]),
  processBlock([{ tid: 10, comm: 'cat', args: 'key\0', cwd: '/secret', uid: 1000 }]),
  open(1_700_000_000_000_000_001n, 'key'),
  open(1_700_000_000_000_000_002n, '/etc/hosts'),
])

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
  writeFileSync(join(folder, 'rules.yaml'), RULE)
})
afterAll(() => rmSync(folder, { recursive: true }))

const main = join(import.meta.dirname, '../../../app/main.ts')
const own = () => ['--no-builtin-rules', '--rules', join(folder, 'rules.yaml')]

function run(...args: string[]) {
  const ran = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { status: ran.status, stderr: ran.stderr, lines: ran.stdout.split('\n').filter((line) => line !== '') }
}

function replay(bytes: Buffer, form: readonly string[] = ['--json']) {
  const file = join(folder, 'x.scap')
  writeFileSync(file, bytes)
  return run('replay', file, ...own(), ...form)
}

test('an alert a line, in the JSON of Falco', { timeout: 60_000 }, () => {
  const { status, lines } = replay(gzipSync(CAPTURE))
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      rule: 'secrets',
      priority: 'Warning',
      output: expect.stringContaining('ann opened /secret/key with cat key'),
      time: '2023-11-14T22:13:20.000000001Z',
      output_fields: { 'fd.name': '/secret/key', 'proc.cmdline': 'cat key', 'user.name': 'ann' },
    },
  ])
  expect(status).toBe(0)
})

test('without --json, a line for a person for each detection, of the same rule too', { timeout: 60_000 }, () => {
  const twice = Buffer.concat([CAPTURE, open(1_700_000_000_000_000_003n, 'key2')])
  const { lines, stderr } = replay(twice, [])
  expect(lines).toEqual([expect.stringContaining('/secret/key '), expect.stringContaining('/secret/key2 ')])
  expect(stderr).toContain('3 events, 2 detections')
})

test('what comes before damage is judged, then the file and the byte are told', { timeout: 60_000 }, () => {
  const { status, lines, stderr } = replay(CAPTURE.subarray(0, -10))
  expect(lines).toHaveLength(1)
  expect(stderr).toMatch(/x\.scap, byte \d+: it ends within a block, after \d+ bytes of it \[E_RECORDING_CORRUPT\]/)
  expect(status).toBe(4)
})

test('a capture comes through a pipe too, a recording of ours does not', { timeout: 60_000 }, () => {
  const piped = (input: Buffer, path: string) =>
    spawnSync('sh', ['-c', `cat | "$0" "$1" replay ${path} --json "$2" "$3" "$4"`, process.execPath, main, ...own()], {
      encoding: 'utf8',
      input,
      env: { ...process.env, FALCO_HOSTNAME: 'node-7' },
    })
  for (const bytes of [CAPTURE, gzipSync(CAPTURE)]) {
    for (const path of ['-', '/dev/stdin']) {
      const { status, stdout } = piped(bytes, path)
      expect([status, JSON.parse(stdout)]).toMatchObject([0, { rule: 'secrets', hostname: 'node-7' }])
    }
  }
  const { status, stderr } = piped(Buffer.from('no capture'), '-')
  expect([status, stderr]).toEqual([3, expect.stringContaining('has to be a file')])
})

test('a packed recording of ours is told to be one, anything else that is packed is no capture', {
  timeout: 60_000,
}, () => {
  const recording = join(import.meta.dirname, '../../fixtures/recordings/shell-in-a-cgroup.smrec')
  const { status, stderr } = replay(gzipSync(readFileSync(recording)))
  expect([status, stderr]).toEqual([
    3,
    expect.stringContaining('x.scap is packed: a recording of Seamark has to be unpacked first'),
  ])
  for (const text of ['', 'SMK', 'something else']) {
    const other = replay(gzipSync(Buffer.from(text)))
    expect([other.status, other.stderr]).toEqual([4, expect.stringContaining('[E_RECORDING_CORRUPT]')])
  }
})

test('alerts come in the order of their events, whatever calls these are', { timeout: 60_000 }, () => {
  const bytes = Buffer.concat([
    CAPTURE,
    processBlock([{ tid: 11, comm: 'true', args: '', cwd: '/', uid: 0 }]),
    // procexit, between two opens
    eventBlock({ code: 186, tid: 11, timeNs: 1_700_000_000_000_000_003n, parameters: [u32(0), u32(0)] }),
    open(1_700_000_000_000_000_004n, '/secret/key'),
  ])
  const file = join(folder, 'ordered.scap')
  writeFileSync(file, bytes)
  const rules = join(folder, 'ordered.yaml')
  const any = RULE.replace('evt.type = openat and fd.name startswith /secret/', 'evt.type in (openat, procexit)')
  writeFileSync(rules, any.replace(/output: .*/, 'output: "%evt.rawtime.ns %evt.type"'))
  const { lines, stderr } = run('replay', file, '--no-builtin-rules', '--rules', rules, '--json')
  expect(stderr).toContain('4 events, 4 detections')
  expect(lines.map((line) => JSON.parse(line).output.split('Warning ')[1])).toEqual([
    '1 openat',
    '2 openat',
    '3 procexit',
    '4 openat',
  ])
})

test('a capture tells rules explain and rules cost as much as a recording does', { timeout: 60_000 }, () => {
  const file = join(folder, 'explained.scap')
  writeFileSync(file, CAPTURE)
  const explained = run('rules', 'explain', 'secrets', ...own(), '--event', file)
  expect([explained.status, explained.lines[0]]).toEqual([0, expect.stringContaining('secrets matches openat at 2023')])
  expect(explained.lines.join('\n')).toContain('[fd.name is "/secret/key"]')
  const cost = run('rules', 'cost', ...own(), '--recording', file, '--rounds', '1', '--json')
  expect(JSON.parse(cost.lines[0]!)).toMatchObject({
    stream: 'recording',
    events: 2,
    rules: [{ rule: 'secrets', matches: 1 }],
  })
})
