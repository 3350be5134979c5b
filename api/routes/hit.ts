/** Documents as the API shows them. */
import type { Hit } from '../../core/model/search-store.ts'

export function shownHit({ id, timeMs, body }: Hit) {
  return { id, time: new Date(timeMs).toISOString(), body }
}
