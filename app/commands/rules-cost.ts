/** `seamark rules cost`: which rules take the time, and which would raise the alerts. */
import { type Batch, eventRows } from '../../core/batch/batch.ts'
import { AppError } from '../../core/model/errors.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { recordedBatches } from '../roles/recorded-batches.ts'
import { checkedRules } from '../rules/checked-rules.ts'
import { eventStream } from '../rules/event-stream.ts'
import { type Costs, type RuleCost, ruleCosts } from '../rules/rule-costs.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

const MAX_EVENTS = 2_000_000
const MAX_ROUNDS = 101

export const rulesCost: Command = {
  name: 'rules cost',
  summary: 'Measure what each rule costs per event, and the alerts a day it would raise',
  options: {
    recording: {
      type: 'string',
      value: 'FILE',
      doc: 'events recorded by `seamark record` (default: a made-up stream)',
    },
    events: { type: 'string', value: 'N', doc: 'most events to judge, kept in memory (default 100000)' },
    rounds: { type: 'string', value: 'N', doc: 'how often each rule is measured (default 5)' },
    json: { type: 'boolean', doc: 'as one JSON object' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Each rule is compiled alone; shown is the median of its CPU time above an empty set, and its lowest and highest\n' +
    'round. Rules share work, so that a set costs less than the sum. Alerts are counted before equal ones are grouped\n' +
    'and extrapolated from the time between the first and the last event judged; a made-up stream tells no alerts.',
  examples: [
    ['seamark rules cost', 'the shipped rules on a made-up stream'],
    ['seamark rules cost --recording day.rec -r mine.yaml --json', 'with yours, on what happened here'],
  ],
  async run(args) {
    const limit = countIn(args.text('events') ?? '100000', 'events', MAX_EVENTS)
    const rounds = countIn(args.text('rounds') ?? '5', 'rounds', MAX_ROUNDS)
    const file = args.text('recording')
    const checked = checkedRules(readRuleFiles(commandConfig(args).rules))
    const { batches, isWhole } = file === undefined ? madeUp(limit) : await recorded(file, limit)
    if (batches.length === 0) throw new AppError('E_USAGE', `${file} holds no events`)
    const costs = ruleCosts(checked, batches, { rounds, isRecorded: file !== undefined })
    const stream = file === undefined ? 'made-up' : 'recording'
    if (args.flag('json')) process.stdout.write(`${jsonLine({ stream, isWhole, rounds, ...costs })}\n`)
    else process.stdout.write(pageOf(costs, file, isWhole, rounds))
    return EXIT.ok
  },
}

function madeUp(limit: number): { batches: Batch[]; isWhole: boolean } {
  const batches: Batch[] = []
  let events = 0
  const stream = eventStream(Math.min(limit, 4000))
  while (events < limit) {
    const batch = stream.next().value as Batch
    batches.push(batch)
    events += eventRows(batch)
  }
  return { batches, isWhole: true }
}

/** As many whole batches of the beginning as hold at most `limit` events, and at least one. */
async function recorded(path: string, limit: number): Promise<{ batches: Batch[]; isWhole: boolean }> {
  const batches: Batch[] = []
  let events = 0
  for await (const batch of recordedBatches(path)) {
    const rows = eventRows(batch)
    if (rows === 0) continue
    if (events > 0 && events + rows > limit) return { batches, isWhole: false }
    batches.push(batch)
    events += rows
  }
  return { batches, isWhole: true }
}

function pageOf(
  { events, seconds, emptyNsPerEvent, rules }: Costs,
  file: string | undefined,
  isWhole: boolean,
  rounds: number,
): string {
  const from =
    file === undefined
      ? 'a made-up stream of a busy host, which tells nothing of alerts a day'
      : `${safeText(file)}${isWhole ? '' : ' (its beginning; --events takes more)'}, ${seconds.toFixed(1)} s`
  const lines = [
    `${countOf(events, 'event')} of ${from}; median of ${countOf(rounds, 'round')} (lowest to highest)`,
    `without rules ${emptyNsPerEvent.toFixed(1)} ns/event; each rule above that, alone:`,
    '',
    `${'ns/event'.padStart(9)}  ${'spread'.padEnd(19)} ${'matches'.padStart(9)} ${'alerts/day'.padStart(12)}  rule`,
    ...rules.map(lineOf),
  ]
  return `${lines.join('\n')}\n`
}

function lineOf({ rule, enabled, nsPerEvent, lowNs, highNs, matches, alertsPerDay }: RuleCost): string {
  const spread = `${lowNs.toFixed(1)} to ${highNs.toFixed(1)}`
  const alerts = alertsPerDay === null ? '-' : String(Math.round(alertsPerDay))
  return `${nsPerEvent.toFixed(1).padStart(9)}  ${spread.padEnd(19)} ${String(matches).padStart(9)} ${alerts.padStart(12)}  ${safeText(rule)}${enabled ? '' : ' (disabled)'}`
}

function countIn(text: string, name: string, most: number): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < 1 || value > most)
    throw new AppError('E_USAGE', `--${name} takes a whole number from 1 to ${most}, not '${text}'`)
  return value
}
