/**
 * The secrets of a deployment, made once at its first start and kept: there is no default that somebody could forget to
 * change. Each stands in a file of its own that only its owner reads.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../core/model/errors.ts'
import { writeSafely } from './write-safely.ts'

/** What each is for. */
export const SECRETS = {
  redis: 'Redis: ingest, analyzer and api',
  'elasticsearch-indexer': 'the Elasticsearch user seamark_indexer',
  'elasticsearch-api': 'the Elasticsearch user seamark_api',
  'elasticsearch-health': 'the Elasticsearch user seamark_health, for the health check',
  'elasticsearch-kibana': 'the Elasticsearch user seamark_kibana, which Kibana itself uses',
  'kibana-operator': 'the user seamark_operator: people, in Kibana',
  'elasticsearch-admin': 'the superuser seamark_admin, for what nobody else may',
  'kibana-encryption-key': 'what Kibana encrypts its saved objects and sessions with',
} as const

export type SecretName = keyof typeof SECRETS

export type Secrets = Readonly<Record<SecretName, string>>

/** 256 bits, in letters that mean nothing in YAML, in redis.conf and in a .netrc. */
const SECRET_BYTES = 32

/** Those of the directory; what is missing there is made. Throws AppError E_CONFIG_INVALID for a damaged file. */
export function openSecrets(directory: string): Secrets {
  const secrets = Object.keys(SECRETS).map((name) => [name, openSecret(join(directory, name))])
  return Object.fromEntries(secrets) as Secrets
}

/** Null where none was made there. Throws as `openSecrets`. */
export function readSecretOf(directory: string, name: SecretName): string | null {
  return readSecretFile(join(directory, name))
}

function openSecret(path: string): string {
  const found = readSecretFile(path)
  if (found !== null) return found
  const secret = randomBytes(SECRET_BYTES).toString('hex')
  writeSafely(path, `${secret}\n`, 0o600)
  return secret
}

function readSecretFile(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    if (/^[0-9a-f]{64}$/.test(text)) return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new AppError('E_CONFIG_INVALID', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  // A new one would lock every service out that still has the old one.
  throw new AppError('E_CONFIG_INVALID', `${path} is damaged; remove it to have a new secret, then restart everything`)
}
