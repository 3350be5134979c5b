/** `seamark kibana import`: the dashboards, into a Kibana that is there. */
import { AppError } from '../../core/model/errors.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT } from '../command-line.ts'
import { importIntoKibana } from '../kibana/import.ts'
import { KibanaClient } from '../kibana/kibana-client.ts'
import { readSavedObjects } from '../kibana/saved-objects.ts'
import { readSecret } from '../secret-file.ts'

const DEFAULT_WAIT_SECONDS = 120
const MAX_WAIT_SECONDS = 3_600

const NOUNS: Record<string, string> = { 'index-pattern': 'data view', search: 'saved search', dashboard: 'dashboard' }

export const kibanaImport: Command = {
  name: 'kibana import',
  summary: 'Put the dashboards into Kibana',
  options: {
    url: { type: 'string', value: 'URL', doc: "Kibana's address (default http://127.0.0.1:5601)" },
    username: { type: 'string', value: 'NAME', doc: 'who may manage saved objects there' },
    'password-file': { type: 'string', value: 'FILE', doc: 'file with the password' },
    space: { type: 'string', value: 'ID', doc: 'space to import into (default: the default space)' },
    wait: {
      type: 'string',
      value: 'SECONDS',
      doc: `how long to wait until Kibana is there (default ${DEFAULT_WAIT_SECONDS})`,
    },
    ...COMMON_OPTIONS,
  },
  notes:
    'Replaces what an earlier import made: change a copy, not the originals. Reads everything back and fails when\n' +
    'something is missing. Data views take elasticsearch.prefix from the configuration. SEAMARK_KIBANA_URL, _USERNAME and\n' +
    '_PASSWORD_FILE stand for the options that are left out.',
  examples: [
    ['seamark kibana import', 'into the Kibana of this machine'],
    ['seamark kibana import --url https://kibana:5601 --username elastic --password-file pw', 'with a login'],
  ],
  async run(args) {
    const waitMs = parseWait(args.text('wait'))
    const { SEAMARK_KIBANA_URL, SEAMARK_KIBANA_USERNAME, SEAMARK_KIBANA_PASSWORD_FILE } = process.env
    const username = args.text('username') ?? SEAMARK_KIBANA_USERNAME
    const passwordFile = args.text('password-file') ?? SEAMARK_KIBANA_PASSWORD_FILE
    if ((username === undefined) !== (passwordFile === undefined))
      throw new AppError('E_USAGE', '--username and --password-file go together')
    const client = new KibanaClient({
      url: args.text('url') ?? SEAMARK_KIBANA_URL ?? 'http://127.0.0.1:5601',
      username,
      password: readSecret(passwordFile, '--password-file'),
      space: args.text('space'),
    })
    const objects = readSavedObjects(commandConfig(args).elasticsearch.prefix)
    await client.waitUntilAvailable(waitMs, (state) =>
      process.stderr.write(`seamark: waiting up to ${Math.round(waitMs / 1_000)} s for Kibana: ${state}\n`),
    )
    const { counts, renamed } = await importIntoKibana(client, objects)
    const parts = [...counts].map(([type, count]) => plural(count, NOUNS[type] ?? type))
    process.stdout.write(`${countOf(objects.length, 'saved object')} imported and read back: ${parts.join(', ')}\n`)
    if (renamed.length > 0)
      process.stderr.write(
        `seamark: another space has these objects; Kibana gave ${renamed.length} of them other ids, so that links between dashboards lead nowhere\n`,
      )
    return EXIT.ok
  },
}

function plural(count: number, noun: string): string {
  return count === 1 || !noun.endsWith('ch') ? countOf(count, noun) : `${count} ${noun}es`
}

function parseWait(text: string | undefined): number {
  if (text === undefined) return DEFAULT_WAIT_SECONDS * 1_000
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= MAX_WAIT_SECONDS) return seconds * 1_000
  throw new AppError('E_USAGE', `--wait takes seconds, at most ${MAX_WAIT_SECONDS}, not '${text}'`)
}
