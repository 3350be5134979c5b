/** `seamark query`: searches the stored events of a running Seamark. */
import { AppError } from '../../core/model/errors.ts'
import type { Page } from '../../core/model/search-store.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { API_OPTIONS, COMMON_OPTIONS, type Command, EXIT } from '../command-line.ts'
import { documentLine } from '../document-line.ts'

const PAGE = 500

export const query: Command = {
  name: 'query',
  summary: 'Search stored events with KQL',
  operands: '[KQL]',
  options: {
    from: { type: 'string', value: 'TIME', doc: 'oldest event: ISO time, or an age such as 15m, 6h, 2d (default 24h)' },
    to: { type: 'string', value: 'TIME', doc: 'newest event, exclusive (default now)' },
    limit: { type: 'string', short: 'n', value: 'N', doc: 'most events to print (default 50)' },
    alerts: { type: 'boolean', doc: 'search alerts instead of events' },
    json: { type: 'boolean', doc: 'one JSON document a line' },
    ...API_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes: 'Newest first. Fields have ECS names; docs/reference/documents.md lists them.',
  examples: [
    ["seamark query 'process.name: sh and container.name: web*'", 'shells in containers called web…'],
    ["seamark query 'destination.port >= 1024' --from 15m", 'connections of the last 15 minutes'],
    ['seamark query --alerts --json -n 5', 'the last five alerts, for scripts'],
  ],
  async run(args) {
    const limit = count(args.text('limit') ?? '50')
    const client = new ApiClient(commandConfig(args), args.text('url'))
    const parameters = {
      filter: args.operands.join(' ') || undefined,
      from: instant(args.text('from') ?? '24h'),
      to: args.text('to') === undefined ? undefined : instant(args.text('to')!),
    }
    let cursor: string | undefined
    let printed = 0
    do {
      const page = await client.get<Page>(args.flag('alerts') ? '/api/v1/alerts' : '/api/v1/events', {
        ...parameters,
        limit: String(Math.min(PAGE, limit - printed)),
        cursor,
      })
      for (const hit of page.hits) {
        process.stdout.write(`${args.flag('json') ? jsonLine({ id: hit.id, ...hit.body }) : documentLine(hit.body)}\n`)
      }
      printed += page.hits.length
      cursor = page.next
    } while (cursor !== undefined && printed < limit)
    if (printed === 0)
      process.stderr.write(
        `No ${args.flag('alerts') ? 'alerts' : 'events'} match. Widen the time with --from; docs/reference/documents.md lists the fields.\n`,
      )
    return EXIT.ok
  },
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new AppError('E_USAGE', `--limit takes a whole number from 1, not '${text}'`)
  return value
}

/** An ISO time as it is, an age counted back from now. */
export function instant(text: string, nowMs: number = Date.now()): string {
  const age = /^(\d{1,6})([smhd])$/.exec(text)
  if (age !== null) {
    const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[age[2] as 's' | 'm' | 'h' | 'd']
    return new Date(nowMs - Number(age[1]) * unitMs).toISOString()
  }
  const ms = Date.parse(text)
  if (Number.isNaN(ms))
    throw new AppError('E_USAGE', `'${text}' is neither an ISO time nor an age such as 15m, 6h or 2d`)
  return new Date(ms).toISOString()
}
