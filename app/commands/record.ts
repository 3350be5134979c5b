/** `seamark record`: writes what the kernel reports into a file that `replay` judges again. */
import { statSync } from 'node:fs'
import { AppError } from '../../core/model/errors.ts'
import { safeText } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { buildRecorder } from '../roles/recorder.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'

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
    const seconds = secondsOf(args.text('seconds'))
    const maxBytes = megabytesOf(args.text('max-megabytes') ?? '256') * 1024 * 1024
    const config = commandConfig(args)
    const { ruleSet } = compileRules(readRuleFiles(config.rules), config)
    const recorder = buildRecorder({
      config,
      plan: ruleSet.plan,
      onWarning: (message) => process.stderr.write(`seamark: ${safeText(message)}\n`),
    })
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    let cut = 0
    try {
      await recorder.start(file, maxBytes)
      process.stderr.write(
        `recording into ${file}${seconds === undefined ? ', Ctrl-C ends it' : ` for ${seconds} s`} …\n`,
      )
      await pause(seconds === undefined ? null : seconds * 1000, stop.signal)
    } finally {
      cut = (await recorder.stop()).cut
    }
    process.stderr.write(`${statSync(file).size} bytes${cut > 0 ? `; ${cut} events had no room` : ''}\n`)
    return EXIT.ok
  },
}

/** The longest that a timer can run (2³¹ ms), in whole seconds: 24 days. A longer one would end at once. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000)
const MAX_MEGABYTES = 1024 * 1024

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !(value > 0 && value <= MAX_SECONDS))
    throw new AppError('E_USAGE', `--seconds takes a number above 0 and up to ${MAX_SECONDS}, not '${text}'`)
  return value
}

function megabytesOf(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > MAX_MEGABYTES)
    throw new AppError('E_USAGE', `--max-megabytes takes a whole number from 1 to ${MAX_MEGABYTES}, not '${text}'`)
  return value
}

/** Until the time is over (null: it never is) or the signal aborts; keeps the program running meanwhile. */
function pause(ms: number | null, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = ms === null ? setInterval(() => {}, 2 ** 30) : setTimeout(resolve, ms)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
  })
}
