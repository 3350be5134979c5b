/** `seamark setup …`: makes a deployment ready to run; docker-compose.yml calls it before everything else. */
import { join } from 'node:path'
import { AppError } from '../../core/model/errors.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS, table } from '../command-line.ts'
import { readSecretOf, SECRETS, type SecretName } from '../deployment/passwords.ts'
import { prepareServices } from '../deployment/prepare-services.ts'
import { writeServiceFiles } from '../deployment/service-files.ts'
import { requireDeployment } from '../distributed/process.ts'

const DIRECTORY = '/setup'
const WAIT_MS = 180_000
const REDIS_MAX_MIB = 512

const EXAMPLE = 'docker compose run --rm files setup password kibana-operator'

const DIRECTORY_OPTION = {
  directory: { type: 'string', value: 'DIR', doc: `where state and the files of services are (default ${DIRECTORY})` },
} as const

export const setupFiles: Command = {
  name: 'setup files',
  summary: 'Write secrets and configuration for the services of a deployment',
  options: {
    ...DIRECTORY_OPTION,
    'redis-mib': { type: 'string', value: 'N', doc: `memory for Redis in MiB (default ${REDIS_MAX_MIB})` },
    ...COMMON_OPTIONS,
  },
  notes:
    'Makes a password for each user at the first run and keeps it. Every service has a directory of its own with what\n' +
    'it reads at its start: redis, elasticsearch, ingest, analyzer, api, collector, kibana, kibana-import.',
  examples: [['seamark setup files --directory ./setup', 'before the services are started']],
  async run(args) {
    const config = commandConfig(args)
    const directory = args.text('directory') ?? DIRECTORY
    const redisMaxBytes = mebibytes(args.text('redis-mib') ?? String(REDIS_MAX_MIB))
    writeServiceFiles({ directory, prefix: config.elasticsearch.prefix, redisMaxBytes })
    tell(`files of all services: below ${directory}`)
    return EXIT.ok
  },
}

export const setupServices: Command = {
  name: 'setup services',
  summary: 'Prepare Redis and Elasticsearch of a deployment',
  options: {
    enrol: { type: 'string', value: 'NAME', doc: 'let the collector of this name enrol, unless it has' },
    'token-file': { type: 'string', value: 'FILE', doc: `where its token goes (default ${DIRECTORY}/collector/token)` },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Waits up to three minutes for both. Installs the index template, publishes rules where none are, and writes a token\n' +
    'for the collector. Needs redis.url and elasticsearch.url; may be repeated.',
  examples: [['seamark setup services --enrol web-1', 'with the addresses of the configuration']],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis', 'elasticsearch')
    const collector = args.text('enrol')
    const tokenFile = args.text('token-file') ?? join(DIRECTORY, 'collector/token')
    const enrol = collector === undefined ? null : { collector, tokenFile }
    await prepareServices({ config, enrol, waitMs: WAIT_MS, tell })
    return EXIT.ok
  },
}

export const setupPassword: Command = {
  name: 'setup password',
  summary: 'Print a password that set-up made',
  operands: 'NAME',
  options: { ...DIRECTORY_OPTION, ...COMMON_OPTIONS },
  notes: `Names:\n${table(Object.entries(SECRETS))}`,
  examples: [[EXAMPLE, 'to log in to Kibana']],
  async run(args) {
    const [name, ...rest] = args.operands
    if (name === undefined || rest.length > 0 || !Object.hasOwn(SECRETS, name)) {
      throw new AppError('E_USAGE', `Name one of: ${Object.keys(SECRETS).join(', ')}`)
    }
    const directory = args.text('directory') ?? DIRECTORY
    const secret = readSecretOf(join(directory, 'state'), name as SecretName)
    if (secret === null) {
      process.stderr.write(`seamark: nothing was set up in ${directory}; with docker compose: ${EXAMPLE}\n`)
      return EXIT.negative
    }
    process.stdout.write(`${secret}\n`)
    return EXIT.ok
  },
}

function mebibytes(text: string): number {
  if (/^\d{2,6}$/.test(text)) return Number(text) * 1024 * 1024
  throw new AppError('E_USAGE', `--redis-mib takes a whole number from 10 to 999999, not '${text}'`)
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}
