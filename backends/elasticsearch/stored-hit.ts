/** Documents as the server answers with them, and as they were written. */
import type { Hit } from '../../core/model/search-store.ts'
import { KEY } from './template.ts'

export interface RawHit {
  _id: string
  _ignored?: string[]
  _source: Record<string, unknown>
}

export interface StoredHit extends Hit {
  /** Some value of it is not in the index, so that only the document itself can decide. */
  ignored: boolean
}

/** The document as it was written: what we laid beside it is taken off again. */
export function storedHit({ _source, _ignored }: RawHit): StoredHit {
  const { [KEY]: key, ...body } = _source
  const { id, time } = key as { id: string; time: number }
  return { id, timeMs: time, body, ignored: _ignored !== undefined && _ignored.length > 0 }
}
