/**
 * One database file of the queue: its tables and the transactions on them. A file holds the topics of one family, so
 * that writers of different families never wait for each other. All methods are synchronous; callers decide when.
 */
import type { BatchHeader, Envelope } from '../../../core/model/batch.ts'
import { BATCH_CLASSES } from '../../../core/model/event.ts'
import type { Checkpoint, Depth, Failure, Item } from '../../../core/model/queue.ts'
import { type CorruptListener, openDatabase } from '../database.ts'

/**
 * Payloads stand in a table of their own so that a lease rewrites a short row. `ready_ms` is when an item may be
 * handed out: its offer, the end of its lease, or the end of its backoff. `done` remembers finished ids.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, id TEXT NOT NULL,
    class INTEGER NOT NULL, evicted INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL,
    offered_ms INTEGER NOT NULL, ready_ms INTEGER NOT NULL, owner TEXT,
    attempt INTEGER NOT NULL DEFAULT 0, alone INTEGER NOT NULL DEFAULT 0,
    header TEXT, envelope TEXT, failure TEXT, UNIQUE (topic, id));
  CREATE INDEX IF NOT EXISTS items_ready ON items (topic, ready_ms, seq);
  CREATE INDEX IF NOT EXISTS items_class ON items (topic, evicted, class, seq);
  CREATE INDEX IF NOT EXISTS items_owner ON items (owner) WHERE owner IS NOT NULL;
  CREATE TABLE IF NOT EXISTS payloads (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS done (seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (topic, id));
  CREATE TABLE IF NOT EXISTS totals (topic TEXT PRIMARY KEY, items INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints (source TEXT PRIMARY KEY, position TEXT NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;
`

/** What a row costs besides its payload and texts: both tables' rows and four index entries. */
const ITEM_OVERHEAD_BYTES = 200

/** Pages given back at once; each may have to be moved, which takes room in the log. */
const RECLAIM_PAGES = 256

export interface StoredItem {
  seq: number
  attempt: number
  item: Item
}

export interface Offer {
  topic: string
  items: readonly Item[]
  at: readonly Checkpoint[]
}

export interface OfferResult {
  outcome: 'stored' | 'full'
  /** What had to go to make room. */
  evictedItems: number
  evictedBytes: number
}

export interface FileLimits {
  /** Bytes one topic may hold. */
  maxBytes: number
  /** Finished ids that are remembered, over all topics of the file. */
  rememberIds: number
}

export interface QueueFile {
  /** Must run inside `transaction`. */
  offer(offer: Offer, nowMs: number): OfferResult
  /** Must run inside `transaction`. At least one item if any is ready; all of the same attempt. */
  claim(topic: string, owner: string, nowMs: number, leaseMs: number, maxItems: number, maxBytes: number): StoredItem[]
  /** Must run inside `transaction`. */
  done(topic: string, seqs: readonly number[]): void
  retry(seqs: readonly number[], owner: string, readyMs: number, alone: boolean): void
  renew(owner: string, untilMs: number): void
  /** Frees what dead owners held, and what a clock that jumped back would keep for longer than `horizonMs`. */
  release(topic: string, isAlive: (owner: string) => boolean, nowMs: number, horizonMs: number): void
  /** When the next item of the topic is ready; null when it is empty. */
  nextReadyMs(topic: string): number | null
  /** Changes whenever another connection has committed. */
  dataVersion(): number
  checkpoint(source: string): { checkpoint: Checkpoint; updatedMs: number } | null
  depth(topic: string, nowMs: number): Depth
  transaction<T>(work: () => T): T
  /** Gives free pages and the log's space back to the disk, as far as readers and the disk allow; never throws. */
  reclaim(): void
  close(): void
}

interface ItemRow {
  seq: number
  id: string
  class: number
  attempt: number
  header: string | null
  envelope: string | null
  failure: string | null
  payload: Uint8Array | null
}

export function openQueueFile(
  path: string,
  synchronous: 'FULL' | 'NORMAL',
  limits: FileLimits,
  onCorrupt?: CorruptListener,
): QueueFile {
  // Who syncs fully is the one that opened first; consumers come later and need not check again.
  const check = synchronous === 'FULL'
  const database = openDatabase(path, {
    schema: SCHEMA,
    synchronous,
    check,
    shrinkable: true,
    logPages: 250,
    ...(onCorrupt ? { onCorrupt } : {}),
  })
  const sql = database.prepare

  function addTotals(topic: string, items: number, bytes: number): void {
    sql(`INSERT INTO totals VALUES (?, ?, ?)
         ON CONFLICT (topic) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes`).run(
      topic,
      items,
      bytes,
    )
  }

  /** Makes `needed` bytes of room out of classes below `rank`, oldest first; nothing is changed when that cannot be. */
  function makeRoom(topic: string, needed: number, rank: number): { items: number; bytes: number } | null {
    const victims: { seq: number; bytes: number; kept: number }[] = []
    let freed = 0
    const candidates =
      sql(`SELECT seq, bytes, length(id) + length(CAST(header AS BLOB)) + ${ITEM_OVERHEAD_BYTES} AS kept
      FROM items WHERE topic = ? AND evicted = 0 AND class < ? AND owner IS NULL ORDER BY class, seq`).iterate(
        topic,
        rank,
      )
    for (const row of candidates as Iterable<{ seq: number; bytes: number; kept: number | null }>) {
      if (freed >= needed) break
      const kept = row.kept ?? 0
      if (row.bytes <= kept) continue
      victims.push({ seq: row.seq, bytes: row.bytes, kept })
      freed += row.bytes - kept
    }
    if (freed < needed) return null
    let gone = 0
    for (const { seq, kept } of victims) {
      sql('DELETE FROM payloads WHERE seq = ?').run(seq)
      if (kept === 0) {
        sql('DELETE FROM items WHERE seq = ?').run(seq)
        gone += 1
      } else sql('UPDATE items SET evicted = 1, bytes = ?, envelope = NULL WHERE seq = ?').run(kept, seq)
    }
    addTotals(topic, -gone, -freed)
    return { items: victims.length, bytes: freed }
  }

  return {
    offer({ topic, items, at }, nowMs) {
      const result: OfferResult = { outcome: 'stored', evictedItems: 0, evictedBytes: 0 }
      const known = sql(
        `SELECT 1 FROM items WHERE topic = ?1 AND id = ?2 UNION ALL SELECT 1 FROM done WHERE topic = ?1 AND id = ?2`,
      )
      const seen = new Set<string>()
      const fresh = items.filter((item) => {
        if (seen.has(item.id) || known.get(topic, item.id) !== undefined) return false
        seen.add(item.id)
        return true
      })
      const texts = fresh.map((item) => ({
        header: item.header === undefined ? null : JSON.stringify(item.header),
        envelope: item.envelope === undefined ? null : JSON.stringify(item.envelope),
        failure: item.failure === undefined ? null : JSON.stringify(item.failure),
      }))
      const sizes = fresh.map(
        (item, i) => item.payload.byteLength + item.id.length + textBytes(texts[i]!) + ITEM_OVERHEAD_BYTES,
      )
      const added = sizes.reduce((sum, size) => sum + size, 0)
      const held = (sql('SELECT bytes FROM totals WHERE topic = ?').get(topic)?.bytes as number | undefined) ?? 0
      const excess = held + added - limits.maxBytes
      if (fresh.length > 0 && excess > 0) {
        const rank = Math.min(...fresh.map((item) => BATCH_CLASSES.indexOf(item.class)))
        const room = makeRoom(topic, excess, rank)
        if (room === null) return { ...result, outcome: 'full' }
        result.evictedItems = room.items
        result.evictedBytes = room.bytes
      }
      const insert = sql(`INSERT INTO items (topic, id, class, bytes, offered_ms, ready_ms, header, envelope, failure)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      const insertPayload = sql('INSERT INTO payloads VALUES (?, ?)')
      fresh.forEach((item, i) => {
        const { header, envelope, failure } = texts[i]!
        const rank = BATCH_CLASSES.indexOf(item.class)
        const { lastInsertRowid } = insert.run(topic, item.id, rank, sizes[i]!, nowMs, nowMs, header, envelope, failure)
        insertPayload.run(lastInsertRowid, item.payload)
      })
      if (fresh.length > 0) addTotals(topic, fresh.length, added)
      for (const { source, position } of at) {
        sql('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)').run(source, position, nowMs)
      }
      return result
    },

    claim(topic, owner, nowMs, leaseMs, maxItems, maxBytes) {
      const ready = sql(`SELECT seq, bytes, attempt, alone FROM items WHERE topic = ? AND ready_ms <= ?
        ORDER BY ready_ms, seq LIMIT ?`).all(topic, nowMs, maxItems) as {
        seq: number
        bytes: number
        attempt: number
        alone: number
      }[]
      const first = ready[0]
      if (first === undefined) return []
      const seqs: number[] = []
      let bytes = 0
      for (const row of ready) {
        bytes += row.bytes
        const fits = row.attempt === first.attempt && row.alone === 0 && first.alone === 0 && bytes <= maxBytes
        if (seqs.length > 0 && !fits) break
        seqs.push(row.seq)
      }
      const lease = sql('UPDATE items SET owner = ?, attempt = attempt + 1, ready_ms = ? WHERE seq = ?')
      const read = sql(`SELECT seq, id, class, attempt, header, envelope, failure, payload
        FROM items LEFT JOIN payloads USING (seq) WHERE seq = ?`)
      return seqs.map((seq) => {
        lease.run(owner, nowMs + leaseMs, seq)
        return storedItem(read.get(seq) as unknown as ItemRow)
      })
    },

    done(topic, seqs) {
      let items = 0
      let bytes = 0
      for (const seq of seqs) {
        const row = sql('DELETE FROM items WHERE seq = ? RETURNING id, bytes').get(seq)
        // Someone else finished it after our lease had ended.
        if (row === undefined) continue
        items += 1
        bytes += row.bytes as number
        sql('DELETE FROM payloads WHERE seq = ?').run(seq)
        sql('INSERT OR IGNORE INTO done (topic, id) VALUES (?, ?)').run(topic, row.id as string)
      }
      if (items === 0) return
      addTotals(topic, -items, -bytes)
      sql('DELETE FROM done WHERE seq <= (SELECT max(seq) FROM done) - ?').run(limits.rememberIds)
    },

    retry(seqs, owner, readyMs, alone) {
      const update = sql('UPDATE items SET owner = NULL, ready_ms = ?, alone = ? WHERE seq = ? AND owner = ?')
      for (const seq of seqs) update.run(readyMs, alone ? 1 : 0, seq, owner)
    },

    renew(owner, untilMs) {
      sql('UPDATE items SET ready_ms = ? WHERE owner = ?').run(untilMs, owner)
    },

    release(topic, isAlive, nowMs, horizonMs) {
      const owners = sql('SELECT DISTINCT owner FROM items WHERE owner IS NOT NULL').all() as { owner: string }[]
      const dead = owners.filter(({ owner }) => !isAlive(owner))
      for (const { owner } of dead) {
        sql('UPDATE items SET owner = NULL, ready_ms = min(ready_ms, ?) WHERE owner = ?').run(nowMs, owner)
      }
      const latest = sql('SELECT max(ready_ms) AS ready FROM items WHERE topic = ?').get(topic)?.ready as number | null
      if (latest !== null && latest > nowMs + horizonMs) {
        sql('UPDATE items SET ready_ms = ? WHERE topic = ? AND ready_ms > ?').run(nowMs, topic, nowMs + horizonMs)
      }
    },

    nextReadyMs: (topic) =>
      (sql('SELECT min(ready_ms) AS ready FROM items WHERE topic = ?').get(topic)?.ready as number | null) ?? null,

    dataVersion: () => sql('PRAGMA data_version').get()?.data_version as number,

    checkpoint(source) {
      const row = sql('SELECT position, updated_ms FROM checkpoints WHERE source = ?').get(source)
      if (row === undefined) return null
      return { checkpoint: { source, position: row.position as string }, updatedMs: row.updated_ms as number }
    },

    depth(topic, nowMs) {
      const total = sql('SELECT items, bytes FROM totals WHERE topic = ?').get(topic)
      // The plus keeps SQLite from an index in which the oldest offer is not the first row.
      const row = sql('SELECT offered_ms FROM items WHERE +topic = ? ORDER BY seq LIMIT 1').get(topic)
      const oldest = (row?.offered_ms as number | undefined) ?? null
      return {
        items: (total?.items as number | undefined) ?? 0,
        bytes: (total?.bytes as number | undefined) ?? 0,
        oldestMs: oldest === null ? 0 : Math.max(0, nowMs - oldest),
      }
    },

    transaction: database.transaction,
    reclaim() {
      try {
        // Pages cut off the end need no room in the file when the log is copied into it.
        database.handle.exec(`PRAGMA incremental_vacuum(${RECLAIM_PAGES})`)
      } catch {}
      try {
        database.handle.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      } catch {}
    },
    close: database.close,
  }
}

function storedItem(row: ItemRow): StoredItem {
  const item: Item = {
    id: row.id,
    class: BATCH_CLASSES[row.class] ?? 'routine',
    payload: row.payload ?? new Uint8Array(0),
  }
  if (row.header !== null) item.header = JSON.parse(row.header) as BatchHeader
  if (row.envelope !== null) item.envelope = JSON.parse(row.envelope) as Envelope
  if (row.failure !== null) item.failure = JSON.parse(row.failure) as Failure
  return { seq: row.seq, attempt: row.attempt, item }
}

function textBytes(texts: { header: string | null; envelope: string | null; failure: string | null }): number {
  return (texts.header?.length ?? 0) + (texts.envelope?.length ?? 0) + (texts.failure?.length ?? 0)
}
