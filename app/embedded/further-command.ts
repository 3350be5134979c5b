/** How a person calls another command so that it finds this Seamark. */
import { resolve } from 'node:path'
import { safeText } from '../../core/runtime/safe-text.ts'
import { type Config, DEFAULT_DATA_DIR, DEFAULT_PORT } from '../config.ts'

/**
 * Such as `bin/seamark demo --data-dir /srv/seamark`, to be put into a shell. The data directory says where the API
 * listens, so that it goes along with another port as well.
 */
export function furtherCommand(
  name: string,
  { dataDir, api }: Pick<Config, 'dataDir'> & { api: { port: number } },
): string {
  const isUsual = resolve(dataDir) === DEFAULT_DATA_DIR && api.port === DEFAULT_PORT
  return isUsual ? `bin/seamark ${name}` : `bin/seamark ${name} --data-dir ${shellWord(resolve(dataDir))}`
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${safeText(text).replaceAll("'", "'\\''")}'`
}
