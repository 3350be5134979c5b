/** `seamark command …`: tells a host to do something, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandDesk, type GivenCommand } from '../../core/commands/command-desk.ts'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { safeText } from '../../core/runtime/safe-text.ts'
import { Agents } from '../../ingest/agents.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, safeLines, table } from '../command-line.ts'
import { type Config, collectorId } from '../config.ts'
import { withDocuments, withStoredDocuments } from '../distributed/with-documents.ts'
import { parseTime } from '../parse-time.ts'

const LOOK_MS = 200
/** An answer may come a little after the time at which a command is not begun any more. */
const GRACE_MS = 5_000

export const commandSend: Command = {
  name: 'command send',
  summary: 'Tell a host to do something',
  operands: 'COLLECTOR KIND',
  options: {
    args: { type: 'string', value: 'JSON', doc: 'arguments, as the kind wants them' },
    expires: { type: 'string', value: 'TIME', doc: 'not begun later than this, such as 30s, 5m or 1d (default 5m)' },
    wait: { type: 'boolean', doc: 'wait for the answer and print it' },
    ...COMMON_OPTIONS,
  },
  notes:
    'Kinds: ping (does it answer), rescan (look again at all processes and cgroups), probe (what its sources can see).\n' +
    'A host executes a command at most once; its answer is an event of source command. With --wait, exits with 1 when\n' +
    'the answer is anything but done, or does not come in time.',
  examples: [
    ['seamark command send web-1 ping --wait', 'does it answer?'],
    ['seamark command send web-1 probe --wait', 'what it can see'],
  ],
  async run(args) {
    const [collector, kind, ...rest] = args.operands
    if (collector === undefined || kind === undefined || rest.length > 0)
      throw new AppError('E_USAGE', 'Name one host and one kind: seamark command send COLLECTOR KIND')
    const config = commandConfig(args)
    const validMs = parseTime('expires', args.text('expires') ?? '5m', '7d')
    const given = parseArguments(args.text('args'))
    return withDocuments(config, async (documents) => {
      await checkName(config, documents, collector)
      const desk = new CommandDesk({ documents })
      const command = await desk.give(collector, kind, given, validMs)
      if (!args.flag('wait')) {
        process.stdout.write(`${command.id}\n`)
        return EXIT.ok
      }
      const endMs = performance.now() + validMs + GRACE_MS
      for (;;) {
        const result = (await desk.get(collector, command.id))?.result
        if (result !== undefined && result !== null) {
          process.stdout.write(`${result.outcome}: ${safeLines(result.message)}\n`)
          return result.outcome === 'done' ? EXIT.ok : EXIT.negative
        }
        if (performance.now() > endMs) break
        await sleep(LOOK_MS)
      }
      process.stderr.write(`seamark: ${safeText(collector)} has not answered ${command.id} in time\n`)
      return EXIT.negative
    })
  },
}

export const commandList: Command = {
  name: 'command list',
  summary: 'List the commands of the last days, and what came of them',
  options: { json: { type: 'boolean', doc: 'one JSON object a line' }, ...COMMON_OPTIONS },
  examples: [['seamark command list', 'by host, the oldest first']],
  async run(args) {
    const commands = await withStoredDocuments(commandConfig(args), (documents) =>
      new CommandDesk({ documents }).list(),
    )
    if (args.flag('json')) for (const command of commands) process.stdout.write(`${JSON.stringify(command)}\n`)
    else if (commands.length === 0) process.stdout.write('No command was given\n')
    else process.stdout.write(`${table(commands.map(rowOf))}\n`)
    return EXIT.ok
  },
}

function rowOf({ id, collector, kind, givenMs, expiresMs, result }: GivenCommand): [string, string] {
  const state =
    result !== null
      ? `${result.outcome}: ${result.message}`
      : expiresMs < Date.now()
        ? 'expired, and the host has not answered'
        : 'waits for the host'
  return [`${safeText(collector)}  ${kind}`, `${new Date(givenMs).toISOString()}  ${safeText(state)}  (${id})`]
}

function parseArguments(text: string | undefined): unknown {
  if (text === undefined) return null
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('E_USAGE', `--args takes JSON: ${(cause as Error).message}`, { cause })
  }
}

/** A name that nobody has would wait until it expires. */
async function checkName(config: Config, documents: Documents, collector: string): Promise<void> {
  const known =
    config.redis.url === undefined
      ? [collectorId(config)]
      : (await new Agents({ documents }).list()).filter((one) => one.revokedMs === null).map((one) => one.collector)
  if (!known.includes(collector))
    throw new AppError(
      'E_USAGE',
      config.redis.url === undefined
        ? `No host is called '${collector}': without a deployment there is this one alone, ${known[0]}`
        : `No host is called '${collector}'; see: seamark agents list`,
    )
}
