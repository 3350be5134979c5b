/** `seamark agents …`: which hosts may send to a deployment. */
import { AppError } from '../../core/model/errors.ts'
import { safeText } from '../../core/runtime/safe-text.ts'
import { Agents } from '../../ingest/agents.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, table } from '../command-line.ts'
import { requireDeployment } from '../distributed/process.ts'
import { withDocuments } from '../distributed/with-documents.ts'
import { parseTime } from '../parse-time.ts'

export const agentsToken: Command = {
  name: 'agents token',
  summary: 'Make a token with which one host can enrol',
  options: {
    valid: { type: 'string', value: 'TIME', doc: 'how long it may be used, such as 30m, 2h or 1d (default 1h)' },
    ...COMMON_OPTIONS,
  },
  notes: 'Prints the token and nothing else. It works once; the host keeps a key of its own from then on.',
  examples: [
    ['seamark agents token > token', 'for the next hour'],
    ['seamark agents token --valid 1d', 'for a day'],
  ],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis')
    const validMs = parseTime('valid', args.text('valid') ?? '1h', '30d')
    const token = await withDocuments(config, (documents) => new Agents({ documents }).createToken(validMs))
    process.stdout.write(`${token}\n`)
    return EXIT.ok
  },
}

export const agentsList: Command = {
  name: 'agents list',
  summary: 'List the hosts of a deployment',
  options: { json: { type: 'boolean', doc: 'one JSON object a line' }, ...COMMON_OPTIONS },
  examples: [['seamark agents list', 'name, when last seen, how far its clock is off']],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis')
    const agents = await withDocuments(config, (documents) => new Agents({ documents }).list())
    if (args.flag('json')) for (const agent of agents) process.stdout.write(`${JSON.stringify(agent)}\n`)
    else if (agents.length === 0) process.stdout.write('No host is enrolled; make a token with: seamark agents token\n')
    else
      process.stdout.write(
        `${table(
          agents.map(({ id, collector, revokedMs, status }): [string, string] => [
            safeText(collector),
            revokedMs !== null
              ? `revoked ${new Date(revokedMs).toISOString()}, agent ${id}`
              : status === null
                ? `never seen, agent ${id}`
                : `seen ${new Date(status.lastSeenMs).toISOString()}, clock ${(Math.round(status.skewMs / 100) / 10 + 0).toFixed(1)} s off, agent ${id}`,
          ]),
        )}\n`,
      )
    return EXIT.ok
  },
}

export const agentsRevoke: Command = {
  name: 'agents revoke',
  summary: 'Take a host its key away',
  operands: 'NAME',
  options: COMMON_OPTIONS,
  notes: 'Ingest refuses it within five seconds. Its name is free then.',
  examples: [['seamark agents revoke web-1', 'by the name of the host, or the id of its agent']],
  async run(args) {
    const [name, ...rest] = args.operands
    if (name === undefined || rest.length > 0)
      throw new AppError('E_USAGE', 'Name one host: seamark agents revoke NAME')
    const config = commandConfig(args)
    requireDeployment(config, 'redis')
    if (await withDocuments(config, (documents) => new Agents({ documents }).revoke(name))) {
      process.stdout.write(`${safeText(name)} is refused within five seconds; its name is free\n`)
      return EXIT.ok
    }
    process.stderr.write(`seamark: no enrolled host is called '${safeText(name)}'; see: seamark agents list\n`)
    return EXIT.negative
  },
}
