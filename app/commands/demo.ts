/** `seamark demo`: four attacks in throw-away containers, and the four alerts they raise. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from '../../collector/docker/engine.ts'
import { omitAbsent } from '../../core/language/output/omit-absent.ts'
import { AppError } from '../../core/model/errors.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import type { Config } from '../config.ts'
import { ATTACKS } from '../demo/attacks.ts'
import { type Outcome, runDemo } from '../demo/demo.ts'
import { prepareImage } from '../demo/image.ts'
import { startEmbedded } from '../embedded/embedded.ts'

export const demo: Command = {
  name: 'demo',
  summary: 'Run four attacks in throw-away containers and show their alerts',
  options: { json: { type: 'boolean', doc: 'one JSON object a line' }, ...RULE_OPTIONS, ...COMMON_OPTIONS },
  notes:
    'Uses the Seamark that runs on this machine; where none does, starts one for the demo and leaves nothing behind.\n' +
    'Needs root and Docker. Exits with 1 when an alert is missing.',
  examples: [
    ['seamark demo', 'four attacks, four alerts, with their latency'],
    ['seamark demo --json', 'the same for scripts'],
  ],
  async run(args) {
    const config = commandConfig(args)
    const say = (line: string) => {
      process.stderr.write(`${line}\n`)
    }
    // Whoever interrupts a demo wants its containers and its data gone all the same.
    const interrupted = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () =>
        interrupted.abort(new AppError('E_DEMO_INTERRUPTED', `Interrupted by ${signal}; nothing is left behind`)),
      )
    }
    const { signal } = interrupted
    const engine = new Engine({ socketPath: config.docker.socket, timeoutMs: 30_000 })
    await engine.apiVersion()
    const image = await prepareImage(engine, say)
    signal.throwIfAborted()
    const running = await connect(config, say)
    try {
      signal.throwIfAborted()
      const outcomes = await runDemo({
        client: running.client,
        engine,
        image,
        signal,
        onOutcome: (outcome) => process.stdout.write(`${args.flag('json') ? jsonLine(outcome) : readable(outcome)}\n`),
      })
      const raised = outcomes.filter((outcome) => outcome.alert !== null).length
      const summary = `${raised} of ${ATTACKS.length}`
      process.stdout.write(`${args.flag('json') ? jsonLine({ raised, attacks: ATTACKS.length }) : summary}\n`)
      if (raised < ATTACKS.length)
        say(
          'An alert is missing. Either the running Seamark has not loaded the shipped rules (--no-builtin-rules), or\n' +
            '`seamark doctor` says what this host cannot see.',
        )
      return raised === ATTACKS.length ? EXIT.ok : EXIT.negative
    } finally {
      await running.stop()
    }
  },
}

async function connect(
  config: Config,
  say: (line: string) => void,
): Promise<{ client: ApiClient; stop: () => Promise<void> }> {
  const client = new ApiClient(config)
  const status = await client.status()
  if (status.state !== 'down') {
    say(`using the Seamark at ${client.base}${status.state === 'ready' ? '' : ` (not ready: ${status.reason})`}`)
    return { client, stop: async () => {} }
  }
  say(noneRuns(config.dataDir, client.base))
  const dataDir = mkdtempSync(join(tmpdir(), 'seamark-demo-'))
  const own: Config = {
    ...config,
    dataDir,
    api: { ...config.api, host: '127.0.0.1', port: 0 },
    // Its attacks are nobody's business but the demo's.
    notify: { terminal: false, syslog: false, ...withoutDestinations(config.notify) },
  }
  const removeData = () => rmSync(dataDir, { recursive: true, force: true })
  try {
    const embedded = await startEmbedded({ config: own, terminal: null })
    return { client: new ApiClient(own), stop: () => embedded.stop().finally(removeData) }
  } catch (error) {
    removeData()
    throw error
  }
}

/** Where it was looked for: one that runs with another directory is found with --data-dir. */
export function noneRuns(dataDir: string, address: string): string {
  return safeText(
    `no Seamark runs with --data-dir ${dataDir} (nothing answers at ${address}): starting one for the demo …`,
  )
}

function readable({ title, rule, alert }: Outcome): string {
  if (alert === null) return `MISSING  ${title}: no alert "${rule}" came`
  return `${`${alert.latencyMs} ms`.padStart(7)}  ${title}\n         ${safeText(rule)}: ${safeText(omitAbsent(alert.output))}`
}

function withoutDestinations({ format, jsonParts, iso8601Times }: Config['notify']) {
  return { format, jsonParts, iso8601Times }
}
