/** `seamark record`: writes what the kernel reports into a file that `replay` judges again. */
import { statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../core/model/errors.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { buildRecorder } from '../roles/recorder.ts'
import { readRuleFiles } from '../rule-files.ts'
import { compileRules } from '../rule-set.ts'

export const record: Command = {
  name: 'record',
  summary: 'Record system calls into a file',
  operands: 'FILE',
  options: {
    seconds: { type: 'string', short: 's', value: 'N', doc: 'stop after N seconds (default: until Ctrl-C)' },
    'max-megabytes': {
      type: 'string',
      value: 'N',
      doc: 'bound of the file; what comes later is counted (default 256)',
    },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Records the calls that the rules ask for and what Docker says of containers. Needs root. The file holds arguments, paths and labels: keep it private.',
  examples: [
    ['seamark record attack.rec', 'until Ctrl-C'],
    ['seamark record attack.rec -s 30 --rules falco_rules.yaml', 'half a minute of what these rules look at'],
  ],
  async run(args) {
    const [file, ...more] = args.operands
    if (file === undefined || more.length > 0)
      throw new AppError('E_USAGE', 'Name one file\nTry: seamark record --help')
    const seconds = positive(args.text('seconds'), '--seconds')
    const maxBytes = (positive(args.text('max-megabytes'), '--max-megabytes') ?? 256) * 1024 * 1024
    const config = commandConfig(args)
    const { ruleSet } = compileRules(readRuleFiles(config.rules), config)
    const recorder = buildRecorder({
      config,
      plan: ruleSet.plan,
      onWarning: (message) => void process.stderr.write(`seamark: ${message}\n`),
    })
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    let cut = 0
    try {
      await recorder.start(file, maxBytes)
      process.stderr.write(
        `recording into ${file}${seconds === undefined ? ', Ctrl-C ends it' : ` for ${seconds} s`} …\n`,
      )
      await delay(seconds === undefined ? 2 ** 31 - 1 : seconds * 1000, undefined, { signal: stop.signal }).catch(
        () => {},
      )
    } finally {
      cut = (await recorder.stop()).cut
    }
    process.stderr.write(`${statSync(file).size} bytes${cut > 0 ? `; ${cut} events had no room` : ''}\n`)
    return EXIT.ok
  },
}

function positive(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    throw new AppError('E_USAGE', `${name} takes a number above 0, not '${text}'`)
  return value
}
