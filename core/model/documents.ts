/** Small mutable state (alerts, cursors, dead letters) behind compare-and-set. */

export interface Versioned {
  key: string
  /** JSON. */
  value: unknown
  version: number
}

export interface DocumentKey {
  space: string
  key: string
}

/** One part of a commit, under the same condition as `put`. */
export interface DocumentChange extends DocumentKey {
  /** JSON; undefined removes. */
  value: unknown
  ifVersion: number
}

export interface Documents {
  get(space: string, key: string): Promise<Versioned | null>
  /** In one go, in the order asked for; those of one space as they are at the same moment. */
  getAll(wanted: readonly DocumentKey[]): Promise<(Versioned | null)[]>
  /** Compare-and-set: writes only if the stored version equals `ifVersion`; 0 creates. False: someone else was first. */
  put(space: string, key: string, value: unknown, ifVersion: number): Promise<boolean>
  remove(space: string, key: string, ifVersion: number): Promise<boolean>
  /** Compare-and-set of several keys, each named once: all are changed, or none and the answer is false. */
  commit(changes: readonly DocumentChange[]): Promise<boolean>
  /** In key order, keys greater than `after`. */
  scan(space: string, after: string, limit: number): Promise<Versioned[]>
  /** Yields keys as they change; may repeat, never misses the last change. */
  watch(space: string, signal: AbortSignal): AsyncIterable<string>
}
