/**
 * This host's key: made here, enrolled once with a token that works once, kept in a file that only its owner reads. It is
 * on disk before it is sent, so that a host whose answer was lost repeats the very same request and gets its answer.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../core/model/errors.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import { digestOf, newSecretKey, splitSecretKey } from '../../core/runtime/secret-key.ts'
import { detailOf, type IngestClient } from './ingest-client.ts'

export interface Credentials {
  agent: string
  /** The name under which the host was enrolled; it is in every event id. */
  collector: string
  key: string
}

/** Null where the host was not enrolled yet. Throws AppError E_INGEST_CREDENTIALS for a file that is damaged. */
export function readCredentials(path: string): Credentials | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new AppError('E_INGEST_CREDENTIALS', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    const { agent, collector, key } = JSON.parse(text) as Partial<Credentials>
    if (typeof agent === 'string' && typeof collector === 'string' && typeof key === 'string')
      return { agent, collector, key }
  } catch {
    // Told below, like any other damage.
  }
  throw new AppError(
    'E_INGEST_CREDENTIALS',
    `${path} is damaged; revoke this host's agent, remove the file, enrol again`,
  )
}

/** Throws AppError: E_INGEST_TOKEN, E_INGEST_NAME_TAKEN, or E_INGEST_UNAVAILABLE (retryable). */
export async function enrol(
  client: IngestClient,
  path: string,
  token: string,
  collector: string,
): Promise<Credentials> {
  const credentials = pendingCredentials(`${path}.pending`, collector)
  const { id: agent, secret } = splitSecretKey(credentials.key)
  const body = Buffer.from(JSON.stringify({ token, collector, agent, digest: digestOf(secret) }))
  const answer = await client.send({ method: 'POST', path: INGEST_PATHS.enrol, type: 'application/json', body })
  if (answer.status !== 201) {
    // A key that was enrolled and revoked meanwhile is good for nothing more; the next try makes another.
    if (answer.status === 400) rmSync(`${path}.pending`, { force: true })
    const code = ({ 401: 'E_INGEST_TOKEN', 409: 'E_INGEST_NAME_TAKEN' } as const)[answer.status as 401 | 409]
    const retryable = answer.status === 429 || answer.status >= 500
    throw new AppError(code ?? 'E_INGEST_UNAVAILABLE', `This host was not enrolled: ${detailOf(answer)}`, { retryable })
  }
  write(path, credentials)
  rmSync(`${path}.pending`, { force: true })
  return credentials
}

/** The key of an enrolment that began and whose answer never came, else a new one. */
function pendingCredentials(path: string, collector: string): Credentials {
  try {
    const pending = readCredentials(path)
    if (pending?.collector === collector) return pending
  } catch {
    // Nobody knows a key that cannot be read, so nothing is lost with it.
  }
  const { id, secret } = newSecretKey()
  const credentials = { agent: id, collector, key: `${id}.${secret}` }
  write(path, credentials)
  return credentials
}

/** On disk under its name when it returns. */
function write(path: string, credentials: Credentials): void {
  writeFileSync(`${path}.new`, JSON.stringify(credentials), { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
