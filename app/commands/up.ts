/** `seamark up`: watches this machine, in one process. */
import { AppError } from '../../core/model/errors.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { ownConfig } from '../command-config.ts'
import {
  COMMON_OPTIONS,
  type Command,
  EXIT,
  type ParsedArgs,
  RULE_OPTIONS,
  safeLines,
  tellFailure,
} from '../command-line.ts'
import type { Config } from '../config.ts'
import { formatOf } from '../destinations.ts'
import { startEmbedded } from '../embedded/embedded.ts'
import { readFalcoConfig } from '../falco-config/read.ts'
import { RuleWatch } from '../rules/rule-watch.ts'
import type { TerminalConfig } from '../threads/thread-data.ts'
import { VERSION } from '../version.ts'

export const up: Command = {
  name: 'up',
  summary: 'Watch this machine: capture, detect, store, serve the API',
  options: {
    json: { type: 'boolean', doc: "print alerts as one JSON object a line, in Falco's shape" },
    port: { type: 'string', value: 'PORT', doc: 'port of the REST API (default 7327)' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    "Alerts go to standard output, the program's own log to standard error. SIGTERM or Ctrl-C drains and ends;\n" +
    'rules are read again when their files change and on SIGHUP; with mistakes in them the old ones stay.',
  examples: [
    ['seamark up', 'watch this machine with the shipped rules'],
    ['seamark up --rules ./my-rules --rules extra.yaml', 'with rules of your own'],
    ['seamark up --json | jq .rule', 'alerts for scripts'],
    ['seamark up --falco-config /etc/falco/falco.yaml', 'in the place of Falco'],
  ],
  async run(args) {
    const { config, terminal } = configOf(args)
    const port = args.text('port') ?? String(config.api.port)
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new AppError('E_USAGE', `--port takes a number up to 65535, not '${port}'`)
    const stopped = Promise.withResolvers<number>()
    // Before anything runs: a signal during the start, or right after the greeting, drains and ends like any other.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve(EXIT.ok))
    let isReloadWanted = false
    let reload = () => {
      isReloadWanted = true
    }
    // Before the rules are read: what changes from then on is noticed.
    const watch = new RuleWatch({ paths: config.rules.paths, onChange: () => reload() })
    watch.start()
    process.on('SIGHUP', () => {
      watch.acknowledge()
      reload()
    })
    // For a person who waits; a log does not need it.
    if (process.stderr.isTTY === true) process.stderr.write(`Seamark ${VERSION} starts …\n`)
    const embedded = await startEmbedded({
      config: { ...config, api: { ...config.api, port: Number(port) } },
      terminal,
      onFatal: (message) => {
        process.stderr.write(`seamark: ${message}\n`)
        stopped.resolve(EXIT.failed)
      },
    })
    reload = () => {
      embedded.reloadRules().then((told) => process.stderr.write(`seamark: ${safeLines(told)}\n`), tellFailure)
    }
    if (isReloadWanted) reload()
    process.stderr.write(`${embedded.greeting}\n`)
    const code = await stopped.promise
    watch.stop()
    await embedded.stop()
    return code
  },
}

function configOf(args: ParsedArgs): { config: Config; terminal: TerminalConfig | null } {
  const config = ownConfig(args)
  const colours = process.stdout.isTTY === true && !process.env.NO_COLOR
  const path = args.text('falco-config')
  const json = args.flag('json')
  if (path === undefined) return { config, terminal: { format: json ? formatOf(config, 'json') : 'line', colours } }
  const falco = readFalcoConfig(path, config)
  if (falco.leftOut.length > 0) process.stderr.write(`${formatProblems(falco.leftOut)}\n`)
  const kind = json ? 'json' : falco.stdout
  const terminal = kind === null ? null : { format: formatOf(falco.config, kind), colours: false }
  return { config: falco.config, terminal }
}
