/** `seamark doctor`: what cannot be seen or done, here and in the Seamark that runs: each with why, and how to mend it. */
import type { Visibility } from '../../core/model/source.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { API_OPTIONS, COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { centreVisibility } from '../doctor/centre.ts'
import { runningHost, runningSeamark } from '../doctor/running.ts'
import { elasticsearchVisibility, redisVisibility } from '../doctor/services.ts'
import { thisMachine } from '../doctor/this-machine.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'Show what cannot be seen or done, and how to mend it',
  options: {
    json: { type: 'boolean', doc: 'one JSON object a line' },
    ...API_OPTIONS,
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Looks at this machine, at the Seamark that runs here, and at the Redis and Elasticsearch of the configuration; with\n' +
    '--url at the Seamark there and at nothing else. Changes nothing: kernel programs are loaded for a trial and thrown\n' +
    'away. Exits with 1 when something is blind, with 3 when nobody answers at --url.',
  examples: [
    ['seamark doctor', 'look at this host and the Seamark on it'],
    ['seamark doctor --url http://centre:7327', 'look at a deployment, through its API'],
    ['seamark doctor --json | jq .blind', 'for scripts'],
  ],
  async run(args) {
    const config = commandConfig(args)
    const url = args.text('url')
    const client = new ApiClient(config, url)
    let isBlind = false
    // Told as it is found: what hangs must not keep back what is known.
    const tell = (...found: readonly Visibility[]) => {
      for (const visibility of found) {
        process.stdout.write(args.flag('json') ? `${jsonLine(visibility)}\n` : readable(visibility))
        isBlind ||= visibility.blind.length > 0
      }
    }
    if (url === undefined) {
      tell(...(await thisMachine(config)))
      if (config.redis.url !== undefined) tell(await redisVisibility(config))
      if (config.elasticsearch.url !== undefined) tell(await elasticsearchVisibility(config))
      if (config.central.url !== undefined) tell(await centreVisibility(config), await runningHost(config))
    }
    // A host of a deployment has no API of its own; elsewhere it is asked even where nobody may answer.
    if (url !== undefined || config.central.url === undefined) tell(await runningSeamark(client, url !== undefined))
    return isBlind ? EXIT.negative : EXIT.ok
  },
}

function readable({ source, sees, notes = [], blind }: Visibility): string {
  const lines = [
    ...sees.map((line) => `  sees   ${safeText(line)}`),
    ...notes.map((line) => `  note   ${safeText(line)}`),
    ...blind.flatMap(({ what, why, fix }) => [
      `  BLIND  ${safeText(what)}`,
      `         why: ${safeText(why)}`,
      `         fix: ${safeText(fix)}`,
    ]),
  ]
  return `${[source, ...lines].join('\n')}\n`
}
