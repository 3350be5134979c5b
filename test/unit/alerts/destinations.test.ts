import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { FileDestination } from '../../../alerts/notify/file.ts'
import type { Notification } from '../../../alerts/notify/outbox.ts'
import { TerminalDestination } from '../../../alerts/notify/terminal.ts'
import type { Detection } from '../../../core/model/detection.ts'

const firing = (alert: string, output = `something in ${alert}`): Notification => ({
  alert: { id: alert, count: 1 },
  detection: {
    id: `${alert}-${output}`,
    rule: 'r',
    ruleset: 'v',
    source: 'syscall',
    priority: 'Notice',
    tags: [],
    hostname: 'h',
    timeNs: '1795353672381655552',
    timeMs: 1795353672381,
    key: [],
    evidence: [],
    output,
    fields: {},
    event: { container: { name: alert } },
    day: '2026-11-22',
    part: 0,
  } satisfies Detection,
})

async function terminal(format: 'line' | 'json', repeatMs = 50) {
  const out = new PassThrough()
  const lines: string[] = []
  out.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trimEnd().split('\n')))
  const destination = new TerminalDestination({ out, format, colours: false, repeatMs })
  await destination.start()
  onTestFinished(() => destination.stop())
  return { destination, lines }
}

test('the terminal shows the first firing of an alert at once and then how often it came again', async () => {
  const { destination, lines } = await terminal('line')
  await destination.send([firing('noisy'), ...Array.from({ length: 299 }, (_, i) => firing('noisy', `again ${i}`))])
  await destination.send([firing('quiet')])
  expect(lines).toEqual([expect.stringContaining('something in noisy'), expect.stringContaining('something in quiet')])
  await expect.poll(() => lines.length).toBe(3)
  expect(lines[2]).toContain('… 299 more times in noisy')
  await delay(150)
  expect(lines).toHaveLength(3)
  await destination.send([firing('noisy', 'after a while')])
  expect(lines[3]).toContain('after a while')
})

test('what was not told of an alert is told at the end, and JSON has every firing', async () => {
  const people = await terminal('line', 60_000)
  await people.destination.send([firing('a'), firing('a'), firing('a')])
  await people.destination.stop()
  expect(people.lines[1]).toContain('… 2 more times in a')
  const programs = await terminal('json')
  await programs.destination.send([firing('a'), firing('a'), firing('a')])
  expect(programs.lines).toHaveLength(3)
})

test('a file that cannot be opened is told of at the start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-file-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const missing = new FileDestination({ path: join(directory, 'none/alerts.json') })
  await expect(missing.start()).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
  const path = join(directory, 'alerts.json')
  const file = new FileDestination({ path })
  await file.start()
  await file.send([firing('a')])
  expect(JSON.parse(readFileSync(path, 'utf8')).rule).toBe('r')
})
