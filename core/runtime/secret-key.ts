/**
 * Random keys of the form `ID.SECRET`. Who made one keeps the secret; who is to know it again keeps the digest alone.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export interface SecretKey {
  /** 16 hex digits. */
  id: string
  /** 256 random bits, base64url. */
  secret: string
  /** SHA-256 of the secret, 64 hex digits: the secret is random, so that nothing can be guessed from it. */
  digest: string
}

const ID_BYTES = 8
const SECRET_BYTES = 32
const MAX_KEY_CHARS = 200

export function newSecretKey(): SecretKey {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { id: randomBytes(ID_BYTES).toString('hex'), secret, digest: digestOf(secret) }
}

/** Both parts are empty where the text is no key. */
export function splitSecretKey(key: string): { id: string; secret: string } {
  const [id = '', secret = '', rest] = key.length > MAX_KEY_CHARS ? [] : key.split('.')
  return rest === undefined ? { id, secret } : { id: '', secret: '' }
}

export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** In constant time. */
export function matchesDigest(digest: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(digest, 'hex'), Buffer.from(digestOf(secret), 'hex'))
}
