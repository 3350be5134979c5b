/**
 * Dead letters in the documents, bounded in number and in bytes: of all together, and of each collector, so that one
 * which sends what nobody can read does not push out the letters of others. What a collector holds stands in a document
 * of its own, changed together with its letters.
 */
import { createHash } from 'node:crypto'
import type { Documents, Versioned } from '../core/model/documents.ts'
import { eachDocument } from '../core/model/each-document.ts'
import { AppError } from '../core/model/errors.ts'
import type { Failure, Item } from '../core/model/queue.ts'

/** A dead letter as it is kept; `payload` in base64. */
export interface DeadLetter extends Omit<Item, 'payload' | 'failure'> {
  failure: Failure
  payload: string
  /** Bytes of a payload that was too large to be kept. */
  leftOutBytes?: number
}

export interface LetterBounds {
  letters: number
  bytes: number
}

export interface Usage {
  letters: number
  /** As they are kept: base64. */
  bytes: number
}

export interface LetterStoreOptions {
  documents: Documents
  /** Of all. Default 10,000 letters and 64 MiB. */
  all?: LetterBounds
  /** Of one collector. Default a tenth of each. */
  share?: LetterBounds
}

const SPACES = { letters: 'dead', usage: 'dead-usage' } as const
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
const MIB = 1024 * 1024
/** Letters of what no collector is known of, such as documents that the store refused; bounded with all others only. */
const NOBODY = '-'

export class LetterStore {
  private readonly documents: Documents
  private readonly all: LetterBounds
  private readonly share: LetterBounds

  constructor({ documents, all = { letters: 10_000, bytes: 64 * MIB }, share }: LetterStoreOptions) {
    this.documents = documents
    this.all = all
    this.share = share ?? { letters: Math.ceil(all.letters / 10), bytes: Math.ceil(all.bytes / 10) }
  }

  /**
   * `held`: it is there already, after a redelivery. `refused`: its collector has as many as it may have. Where only
   * its bytes are too many, it is kept without its payload.
   */
  async keep(item: Item, failure: Failure): Promise<'kept' | 'held' | 'refused'> {
    const key = keyOf(item.id, failure)
    const owner = item.header?.collector ?? NOBODY
    const bounds = this.share
    for (;;) {
      const [held, used] = await this.documents.getAll([
        { space: SPACES.letters, key },
        { space: SPACES.usage, key: owner },
      ])
      if (held) return 'held'
      const usage = usageIn(used)
      if (usage.letters >= bounds.letters && owner !== NOBODY) return 'refused'
      // For nobody's the oldest of all make room.
      const room = owner === NOBODY ? this.all.bytes : bounds.bytes - usage.bytes
      const letter = letterOf(item, failure, Math.min(MAX_PAYLOAD_BYTES, roomFor(room)))
      const isKept = await this.documents.commit([
        { space: SPACES.letters, key, value: letter, ifVersion: 0 },
        { space: SPACES.usage, key: owner, value: added(usage, letter, 1), ifVersion: used?.version ?? 0 },
      ])
      if (isKept) return 'kept'
    }
  }

  /** Null where there is none. */
  async get(key: string): Promise<{ letter: DeadLetter; version: number } | null> {
    const found = await this.documents.get(SPACES.letters, key)
    return found === null ? null : { letter: found.value as DeadLetter, version: found.version }
  }

  /** False where there is none. */
  async remove(key: string): Promise<boolean> {
    for (;;) {
      const found = await this.documents.get(SPACES.letters, key)
      if (found === null) return false
      const letter = found.value as DeadLetter
      const owner = letter.header?.collector ?? NOBODY
      const used = await this.documents.get(SPACES.usage, owner)
      const left = added(usageIn(used), letter, -1)
      const change = { space: SPACES.usage, key: owner, ifVersion: used?.version ?? 0 }
      const isRemoved = await this.documents.commit([
        { space: SPACES.letters, key, value: undefined, ifVersion: found.version },
        ...(used === null ? [] : [{ ...change, value: left.letters > 0 ? left : undefined }]),
      ])
      if (isRemoved) return true
    }
  }

  /** Removes the oldest while there are too many of all; how many went. */
  async trim(): Promise<number> {
    for (let count = 0; ; ) {
      const { letters, bytes } = await this.usage()
      const oldest = letters > this.all.letters || bytes > this.all.bytes ? await this.oldest() : undefined
      if (oldest === undefined) return count
      // Another process trims as well.
      if (await this.remove(oldest.key)) count += 1
    }
  }

  async usage(): Promise<Usage> {
    const sum: Usage = { letters: 0, bytes: 0 }
    for await (const used of eachDocument(this.documents, SPACES.usage)) {
      const { letters, bytes } = usageIn(used)
      sum.letters += letters
      sum.bytes += bytes
    }
    return sum
  }

  async oldest(): Promise<{ key: string; letter: DeadLetter } | undefined> {
    const [found] = await this.documents.scan(SPACES.letters, '', 1)
    return found === undefined ? undefined : { key: found.key, letter: found.value as DeadLetter }
  }

  /** The oldest first. */
  async *letters(): AsyncIterable<{ key: string; letter: DeadLetter }> {
    // A page of the largest letters is no more than one message of a host.
    for await (const { key, value } of eachDocument(this.documents, SPACES.letters, { pageSize: 8 }))
      yield { key, letter: value as DeadLetter }
  }
}

function usageIn(document: Versioned | null | undefined): Usage {
  return (document?.value as Usage | undefined) ?? { letters: 0, bytes: 0 }
}

function added({ letters, bytes }: Usage, { payload }: DeadLetter, times: 1 | -1): Usage {
  return { letters: letters + times, bytes: bytes + times * payload.length }
}

/** Bytes that fit into so many characters of base64. */
function roomFor(characters: number): number {
  return Math.floor(Math.max(0, characters) / 4) * 3
}

/** Oldest first when scanned. */
function keyOf(id: string, failure: Failure): string {
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 12)
  return `${String(failure.atMs).padStart(15, '0')}-${digest}`
}

function letterOf({ payload, failure: _, ...item }: Item, failure: Failure, maxBytes: number): DeadLetter {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (bytes.length > maxBytes) return { ...item, failure, payload: '', leftOutBytes: bytes.length }
  return { ...item, failure, payload: bytes.toString('base64') }
}

/** Throws AppError E_QUEUE_STORAGE for a letter whose payload was not kept. */
export function payloadOf(key: string, { payload, leftOutBytes }: DeadLetter): Buffer {
  if (leftOutBytes !== undefined)
    throw new AppError('E_QUEUE_STORAGE', `${key} had ${leftOutBytes} bytes, more than could be kept of it`)
  return Buffer.from(payload, 'base64')
}
