/**
 * Writes documents as bulk requests of a bounded size, a few at a time. Each item is settled by itself: what is already
 * there is done, what the server cannot take now is tried again, and what it never takes is refused with its reason. A
 * request that is refused as a whole is halved until what it is refused for stands alone.
 */
import type { Client } from '@elastic/elasticsearch'
import { AppError } from '../../core/model/errors.ts'
import type { Doc, Refused } from '../../core/model/search-store.ts'
import type { Prepared } from '../../core/search/prepare-document.ts'
import { type Answer, type ErrorBody, reasonOf, request } from './connection.ts'
import { indexOf } from './layout.ts'
import { KEY } from './template.ts'

export interface BulkOptions {
  client: Client
  prefix: string
  /** Before the first request. */
  prepare: () => Promise<void>
  /** Whether what was written can be found when the write resolves. Otherwise it can within a second or so. */
  refresh: boolean
  maxBytes: number
  /** Requests under way at the same time. */
  concurrency: number
  sleep: (ms: number) => Promise<void>
  /** Told of documents that the server could not take now and that are sent again. */
  onRetry: (documents: number) => void
}

export interface BulkResult {
  refused: Refused[]
  written: number
  /** Already there, or alerts older than what is there. */
  repeated: number
}

/** What becomes of one document: its action and itself. */
export interface BulkLine {
  id: string
  text: string
}

interface BulkAnswer {
  errors: boolean
  items: Record<string, { status: number; error?: { type?: string; reason?: string } }>[]
}

const MAX_ROUNDS = 6
/** So often one request is halved. What is refused beyond that is refused together, in parts that are small by then. */
const MAX_HALVINGS = 500
const MAX_REASON_CHARS = 1_000
const FIRST_WAIT_MS = 200

/** Throws AppError E_STORE_STORAGE (retryable) when some could not be written for now; the others are. */
export async function writeBulk(docs: Iterable<Prepared>, options: BulkOptions): Promise<BulkResult> {
  const result: BulkResult = { refused: [], written: 0, repeated: 0 }
  const requests = bulkRequests(docs, options)
  const make = () => {
    const made = requests.next()
    return made.done === true ? undefined : made.value
  }
  let ready = make()
  if (ready === undefined) return result
  await options.prepare()
  let isFailing = false
  const sendInTurn = async () => {
    while (!isFailing) {
      const lines = ready ?? make()
      ready = undefined
      if (lines === undefined) return
      const sending = send(lines, options, result)
      try {
        // What is sent next is made while the server has something to do.
        await new Promise(setImmediate)
        ready ??= make()
      } finally {
        await sending
      }
    }
  }
  const senders = Array.from({ length: options.concurrency }, () =>
    sendInTurn().catch((error: unknown) => {
      isFailing = true
      throw error
    }),
  )
  // Nothing is under way any more when a failure is told.
  const failed = (await Promise.allSettled(senders)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return result
}

/** The bodies of bulk requests, line by line, none much larger than `maxBytes` (as UTF-16 units). */
export function* bulkRequests(
  docs: Iterable<Prepared>,
  { prefix, maxBytes }: Pick<BulkOptions, 'prefix' | 'maxBytes'>,
): Generator<BulkLine[]> {
  let lines: BulkLine[] = []
  let chars = 0
  let last: Doc | undefined
  let index = ''
  for (const { doc, json } of docs) {
    if (last === undefined || doc.day !== last.day || doc.part !== last.part || doc.kind !== last.kind)
      index = JSON.stringify(indexOf(prefix, doc))
    last = doc
    const id = JSON.stringify(doc.id)
    // A version of our own, so that the highest wins in whatever order versions come.
    const action =
      doc.kind === 'alert'
        ? `{"index":{"_index":${index},"_id":${id},"version":${doc.version ?? 0},"version_type":"external_gte"}}`
        : `{"create":{"_index":${index},"_id":${id}}}`
    const key = `"${KEY}":{"id":${id},"time":${doc.timeMs}}`
    const text = `${action}\n${json === '{}' ? '{' : `${json.slice(0, -1)},`}${key}}\n`
    if (lines.length > 0 && chars + text.length > maxBytes) {
      yield lines
      lines = []
      chars = 0
    }
    lines.push({ id: doc.id, text })
    chars += text.length
  }
  if (lines.length > 0) yield lines
}

async function send(lines: readonly BulkLine[], options: BulkOptions, result: BulkResult): Promise<void> {
  // All parts of one size before smaller ones, so that what is left when there were too many halvings is small.
  const parts = [lines]
  let halvings = 0
  for (const part of parts) {
    const reason = await sendPart(part, options, result)
    if (reason === undefined) continue
    if (part.length > 1 && halvings < MAX_HALVINGS) {
      halvings += 1
      const half = part.length >> 1
      parts.push(part.slice(0, half), part.slice(half))
    } else for (const { id } of part) result.refused.push({ id, reason: reason.slice(0, MAX_REASON_CHARS) })
  }
}

/** The reason where the server refuses the request as a whole, for something in it. */
async function sendPart(
  lines: readonly BulkLine[],
  options: BulkOptions,
  result: BulkResult,
): Promise<string | undefined> {
  let left = lines
  for (let round = 1; ; round++) {
    const answer = await request<Partial<BulkAnswer>>(options.client, {
      method: 'POST',
      path: '/_bulk',
      query: {
        filter_path: 'errors,items.*.status,items.*.error.type,items.*.error.reason',
        ...(options.refresh ? { refresh: true } : {}),
      },
      lines: left.map(({ text }) => text).join(''),
      mayBeTooLarge: true,
    })
    const { items } = answer.body
    if (items === undefined) {
      // Of what was sent again only what is left can be refused: it goes back as any that the server cannot take now.
      if (round === 1) return refusalOf(answer)
      throw wholeFailure(answer)
    }
    const again: BulkLine[] = []
    let lastReason = ''
    for (const [i, item] of items.entries()) {
      const { status, error } = Object.values(item)[0]!
      const line = left[i]!
      if (status < 300) result.written += 1
      else if (status === 409) result.repeated += 1
      else if (status === 429 || status >= 500 || isTemporary(error?.type)) {
        again.push(line)
        lastReason = `${error?.type}: ${error?.reason}`
      } else result.refused.push({ id: line.id, reason: `${error?.type}: ${error?.reason}`.slice(0, MAX_REASON_CHARS) })
    }
    if (again.length === 0) return undefined
    options.onRetry(again.length)
    if (round === MAX_ROUNDS) {
      const message = `Elasticsearch does not take ${again.length} documents for now: ${lastReason.slice(0, 500)}`
      throw new AppError('E_STORE_STORAGE', message, { retryable: true })
    }
    await options.sleep(FIRST_WAIT_MS * 2 ** round * (0.5 + Math.random() / 2))
    left = again
  }
}

/** Throws where it is not for what was sent: a proxy that knows no such address, or speaks of something else. */
function refusalOf(answer: Answer<ErrorBody>): string {
  const { status, body } = answer
  if (status === 413)
    return `the request is too large for the server (413${body.error === undefined ? '' : `, ${reasonOf(body)}`})`
  if (status === 400 && body.error?.type !== undefined) return reasonOf(body)
  throw wholeFailure(answer)
}

function wholeFailure({ status, body }: Answer<ErrorBody>): AppError {
  const message = `Elasticsearch answered POST /_bulk with ${status} (${reasonOf(body)})`
  return new AppError('E_STORE_STORAGE', message.slice(0, MAX_REASON_CHARS), { retryable: true })
}

/** Refusals of the cluster's state, not of the document. */
function isTemporary(type: string | undefined): boolean {
  return (
    type === 'cluster_block_exception' || type === 'unavailable_shards_exception' || type === 'index_closed_exception'
  )
}
