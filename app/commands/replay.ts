/** `seamark replay`: judges a recording by the rules, without privileges and without storing anything. */
import { TerminalDestination } from '../../alerts/notify/terminal.ts'
import { eventRows, eventTables } from '../../core/batch/batch.ts'
import { RowIds } from '../../core/batch/event-id.ts'
import { TABLES } from '../../core/batch/schema.ts'
import { storageDay } from '../../core/batch/storage-day.ts'
import type { BatchHeader } from '../../core/model/batch.ts'
import { AppError } from '../../core/model/errors.ts'
import type { DetectionContext } from '../../core/model/rule-set.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { collectorId } from '../config.ts'
import { formatOf } from '../destinations.ts'
import { recordedBatches } from '../roles/recorded-batches.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'

export const replay: Command = {
  name: 'replay',
  summary: "Judge a recording, or a capture of Falco's or sysdig's, by the rules",
  operands: 'FILE|-',
  options: {
    json: { type: 'boolean', doc: "one JSON object a line, in Falco's shape" },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'FILE is a recording made by Seamark or a capture in the .scap format, compressed or not; its first bytes tell which. ' +
    'A capture may come through a pipe; - is standard input. ' +
    'Names of containers and images are those that it holds. A recording holds no names of users; a capture does.',
  examples: [
    ['seamark replay attack.rec', 'what the shipped rules say'],
    ['seamark replay trace.scap --rules falco_rules.yaml --json', "what Falco's rules say of Falco's capture"],
    ['seamark replay attack.rec --no-builtin-rules --rules mine.yaml --json', 'what yours say, for scripts'],
  ],
  async run(args) {
    const [file, ...more] = args.operands
    if (file === undefined || more.length > 0)
      throw new AppError('E_USAGE', 'Name one recording\nTry: seamark replay --help')
    const config = commandConfig(args)
    const { ruleSet } = compileRules(readRuleFiles(config.rules), config)
    const colours = process.stdout.isTTY === true && !process.env.NO_COLOR
    const out = new TerminalDestination({
      out: process.stdout,
      format: args.flag('json') ? formatOf(config, 'json') : 'line',
      colours,
    })
    const hostname = collectorId(config)
    let events = 0
    let detections = 0
    let sequence = 0
    for await (const batch of recordedBatches(file, { onDropped: tellDropped, eventTypes: ruleSet.plan.eventTypes })) {
      events += eventRows(batch)
      // A recording keeps its ids: the same file gives the same ones each time.
      const header: BatchHeader = {
        collector: hostname,
        epoch: 'recording',
        sequence: ++sequence,
        lowMs: {},
        dropped: {},
        plan: '',
        edgeRuleset: '',
        class: 'bulk',
        rows: 0,
      }
      const ids = new RowIds(header, batch)
      const tables = new Map(eventTables(batch).map((table) => [TABLES[table.name].id as number, table]))
      const context: DetectionContext = {
        hostname,
        collector: hostname,
        idOf: (table, row) => ids.of(tables.get(table)!, row),
        day: (timeMs) => ({ day: storageDay(timeMs, timeMs), part: 0 }),
      }
      const found = ruleSet.detect(batch).map((match) => ruleSet.detection(batch, match, context))
      detections += found.length
      if (found.length > 0) {
        // A recording is over: each detection is a line, not the same alert once more.
        await out.send(found.map((detection) => ({ detection, alert: { id: detection.id, count: 1 } })))
      }
    }
    await out.stop()
    process.stderr.write(`${countOf(events, 'event')}, ${countOf(detections, 'detection')}\n`)
    return EXIT.ok
  },
}

function tellDropped({ threads, descriptors }: { threads: number; descriptors: number }): void {
  if (threads + descriptors === 0) return
  const what = `${countOf(threads, 'thread')} and ${countOf(descriptors, 'descriptor')}`
  process.stderr.write(`There was no room for ${what}: fields of their events are absent\n`)
}
