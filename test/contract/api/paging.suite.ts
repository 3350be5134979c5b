/** Deep paging over REST: more documents than a store skips over, to the last one, while others arrive. */
import { describe, expect, test } from 'vitest'
import type { Doc } from '../../../core/model/search-store.ts'
import { event, NOON } from '../search-store.suite.ts'
import { type CreateBackends, runningApi } from './running-api.ts'

/** Elasticsearch finds no more than 10,000 by their number (`index.max_result_window`). */
const DOCS = Number(process.env.SEAMARK_TEST_PAGED_DOCS ?? 10_500)
const PAGE = 1_000
/** Documents of one time: pages end in the middle of them. */
const TIED = 7
const WRITE = 2_000

export function pagingSuite(name: string, create: CreateBackends): void {
  describe(`deep paging on ${name}`, () => {
    test(`${DOCS} documents are paged to the end while others arrive: none missed, none twice`, async () => {
      const { get, store } = await runningApi(create)
      const all = Array.from({ length: DOCS }, (_, i) =>
        event(`e${String(i).padStart(7, '0')}`, NOON + Math.floor(i / TIED), {
          process: { name: i % 3 ? 'sh' : 'bash' },
        }),
      )
      for (let from = 0; from < DOCS; from += WRITE)
        expect(await store.write(all.slice(from, from + WRITE))).toEqual([])
      const expected = all.map(({ id }) => id).reverse()
      const filtered = all.filter((_, i) => i % 3 === 0).map(({ id }) => id)
      const [whole, some] = await Promise.all([
        pages(get, '', (page, last) => store.write(arriving(page, last))),
        pages(get, '&filter=process.name:bash'),
      ])
      // What arrives behind the page that was read last is found there, in its order; what arrives before it is not.
      const behind = (id: string) => id.startsWith('behind')
      const before = (id: string) => id.startsWith('before')
      expect(whole.filter((id) => !behind(id))).toEqual(expected)
      expect(whole.filter(before)).toEqual([])
      expect(whole.filter(behind)).toEqual(Array.from({ length: Math.ceil(DOCS / PAGE) - 1 }, (_, i) => `behind-${i}`))
      expect(some).toEqual(filtered.reverse())
    })
  })
}

type Get = Awaited<ReturnType<typeof runningApi>>['get']

/** The ids of all pages in their order; `between` runs after each page that is not the last. */
async function pages(
  get: Get,
  query: string,
  between: (page: number, last: { time: string }) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  for (let page = 0, cursor = ''; ; page++) {
    const response = await get(`/api/v1/events?limit=${PAGE}${query}${cursor}`)
    expect(response.status).toBe(200)
    const { hits, next } = response.json() as { hits: { id: string; time: string }[]; next?: string }
    ids.push(...hits.map(({ id }) => id))
    if (next === undefined) return ids
    await between(page, hits.at(-1)!)
    cursor = `&cursor=${next}`
  }
}

/** Late ones on both sides of where the reader is, and one that is new. */
function arriving(page: number, { time }: { time: string }): Doc[] {
  const lastMs = Date.parse(time)
  const body = { process: { name: 'late' } }
  return [
    event(`behind-${page}`, lastMs - 1, body),
    event(`before-${page}`, lastMs + 1, body),
    event(`before-new-${page}`, NOON + DOCS + page, body),
  ]
}
