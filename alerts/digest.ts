/** Names that follow from what they name. */
import { createHash } from 'node:crypto'

/** 128 bits over length-prefixed parts, so that no two lists of parts read alike. */
export function digest(...parts: string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:${part}`)
  return hash.digest('hex').slice(0, 32)
}
