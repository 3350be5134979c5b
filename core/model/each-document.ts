/** A walk over the documents of a space, without holding more than a page of them. */
import type { Documents, Versioned } from './documents.ts'

export interface EachDocumentOptions {
  /** Keys after this one. Default all. */
  after?: string
  /** Documents in memory at a time. Default 1,000. */
  pageSize?: number
}

/** By key. What is put or removed behind the walk is not seen; what lies before it, is. Rejects as `scan` does. */
export async function* eachDocument(
  documents: Pick<Documents, 'scan'>,
  space: string,
  { after = '', pageSize = 1_000 }: EachDocumentOptions = {},
): AsyncGenerator<Versioned> {
  for (let last = after; ; ) {
    const page = await documents.scan(space, last, pageSize)
    yield* page
    const end = page.at(-1)
    if (end === undefined) return
    last = end.key
  }
}
