/** `seamark deadletters …`: what was given up, why, and another try. */
import { replayLetter } from '../../analyzer/dead-letters.ts'
import { type DeadLetter, LetterStore } from '../../analyzer/letter-store.ts'
import { readHeader } from '../../core/batch/seal.ts'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, type ParsedArgs, table } from '../command-line.ts'
import { withStoredDocuments, withStoredQueue } from '../distributed/with-documents.ts'

const DEFAULT_LIMIT = '100'

export const deadlettersList: Command = {
  name: 'deadletters list',
  summary: 'List what was given up, whose it is, and why',
  options: {
    limit: {
      type: 'string',
      short: 'n',
      value: 'N',
      doc: `most to print (default ${DEFAULT_LIMIT}; with --json all)`,
    },
    json: { type: 'boolean', doc: 'one JSON object a line' },
    ...COMMON_OPTIONS,
  },
  notes: 'The oldest first: key, topic, collector (- where none is known), reason.',
  examples: [
    ['seamark deadletters list', 'the oldest first'],
    ['seamark deadletters list --limit 1000', 'more of them'],
  ],
  async run(args) {
    const isJson = args.flag('json')
    const limit = limitOf(args.text('limit') ?? (isJson ? undefined : DEFAULT_LIMIT))
    return withStoredDocuments(commandConfig(args), async (documents) => {
      const store = new LetterStore({ documents })
      let count = 0
      for await (const { key, letter } of store.letters()) {
        if (count === limit) break
        count += 1
        process.stdout.write(`${isJson ? jsonOf(key, letter) : lineOf(key, letter)}\n`)
      }
      if (isJson) return EXIT.ok
      if (count === 0) process.stdout.write('Nothing was given up.\n')
      const more = count === limit ? (await store.usage()).letters - count : 0
      if (more > 0) process.stdout.write(`and ${more} more; see them with --limit ${count + more}\n`)
      return EXIT.ok
    })
  },
}

export const deadlettersShow: Command = {
  name: 'deadletters show',
  summary: 'Show one thing that was given up',
  operands: 'KEY',
  options: { json: { type: 'boolean', doc: 'as one JSON object, payload in base64' }, ...COMMON_OPTIONS },
  examples: [['seamark deadletters show 001795-3f5a', 'by its key, as the list gives it']],
  async run(args) {
    const [key] = args.operands
    if (key === undefined) throw new AppError('E_USAGE', 'Name one: seamark deadletters show KEY')
    return withStoredDocuments(commandConfig(args), async (documents) => {
      const found = await new LetterStore({ documents }).get(key)
      if (found === null) return notFound(key)
      const { letter } = found
      if (args.flag('json')) process.stdout.write(`${JSON.stringify({ key, ...letter })}\n`)
      else process.stdout.write(`${table(describe(letter))}\n`)
      return EXIT.ok
    })
  },
}

export const deadlettersReplay: Command = {
  name: 'deadletters replay',
  summary: 'Try again what was given up, after what was wrong is mended',
  operands: 'KEY…',
  options: { all: { type: 'boolean', doc: 'everything that was given up' }, ...COMMON_OPTIONS },
  notes: 'What fails again becomes a dead letter again. Nothing is stored twice: ids follow from the events.',
  examples: [
    ['seamark deadletters replay 001795-3f5a', 'one'],
    ['seamark deadletters replay --all', 'all of them'],
  ],
  async run(args) {
    if (args.operands.length === 0 && !args.flag('all'))
      throw new AppError('E_USAGE', 'Name some, or say --all: seamark deadletters replay KEY…')
    return withStoredQueue(commandConfig(args), async (documents, queue) => {
      const keys = await keysOf(documents, args)
      let replayed = 0
      for (const key of keys) {
        try {
          if (await replayLetter(queue, documents, key)) replayed += 1
          else notFound(key)
        } catch (error) {
          // Of one that was kept without its payload nothing is left to try; the others are not to blame.
          if (!(error instanceof AppError) || error.retryable) throw error
          process.stderr.write(`seamark: ${safeText(error.message)}\n`)
        }
      }
      process.stdout.write(`${countOf(replayed, 'dead letter')} offered again\n`)
      return replayed === keys.length ? EXIT.ok : EXIT.negative
    })
  },
}

export const deadlettersRemove: Command = {
  name: 'deadletters remove',
  summary: 'Forget what was given up and cannot be mended',
  operands: 'KEY…',
  options: { all: { type: 'boolean', doc: 'everything that was given up' }, ...COMMON_OPTIONS },
  notes: 'What is removed is gone: it was not judged, or not stored, and will not be.',
  examples: [['seamark deadletters remove 001795-3f5a', 'one']],
  async run(args) {
    if (args.operands.length === 0 && !args.flag('all'))
      throw new AppError('E_USAGE', 'Name some, or say --all: seamark deadletters remove KEY…')
    return withStoredDocuments(commandConfig(args), async (documents) => {
      const keys = await keysOf(documents, args)
      let removed = 0
      for (const key of keys) {
        if (await new LetterStore({ documents }).remove(key)) removed += 1
        else notFound(key)
      }
      process.stdout.write(`${countOf(removed, 'dead letter')} removed\n`)
      return removed === keys.length ? EXIT.ok : EXIT.negative
    })
  },
}

/** All where there is none. */
function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new AppError('E_USAGE', `--limit takes a whole number from 1, not '${text}'`)
  return value
}

function lineOf(key: string, letter: DeadLetter): string {
  const { topic, code, message } = letter.failure
  return `${key}  ${topic}  ${safeText(collectorOf(letter) ?? '-')}  ${code}: ${safeText(message)}`
}

function jsonOf(key: string, letter: DeadLetter): string {
  return jsonLine({ key, id: letter.id, collector: collectorOf(letter), failure: letter.failure })
}

/** Null where none is known, as of what several share. */
function collectorOf({ header }: DeadLetter): string | null {
  return header === undefined || header.collector === '' ? null : header.collector
}

async function keysOf(documents: Documents, args: ParsedArgs): Promise<string[]> {
  const keys = [...args.operands]
  if (args.flag('all')) for await (const { key } of new LetterStore({ documents }).letters()) keys.push(key)
  return keys
}

function describe(letter: DeadLetter): [string, string][] {
  const { id, class: cls, failure, payload, leftOutBytes } = letter
  const bytes = Buffer.from(payload, 'base64')
  return [
    ['id', safeText(id)],
    ['topic', failure.topic],
    ['collector', safeText(collectorOf(letter) ?? '-')],
    ['given up', new Date(failure.atMs).toISOString()],
    ['after', countOf(failure.attempts, 'attempt')],
    ['because', safeText(`${failure.code}: ${failure.message}`)],
    ['class', cls],
    ['payload', leftOutBytes === undefined ? countOf(bytes.length, 'byte') : `${leftOutBytes} bytes, not kept`],
    ['holds', safeText(contentOf(bytes))],
  ]
}

function contentOf(bytes: Buffer): string {
  try {
    const { collector, epoch, sequence, rows } = readHeader(bytes)
    return `batch ${sequence} of ${collector} (epoch ${epoch}) with ${countOf(rows, 'event')}`
  } catch {
    return bytes.toString('utf8', 0, 500)
  }
}

function notFound(key: string): number {
  process.stderr.write(`seamark: there is no dead letter '${safeText(key)}'; see: seamark deadletters list\n`)
  return EXIT.negative
}
