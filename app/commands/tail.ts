/** `seamark tail`: follows alerts and events of a running Seamark as they come. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../core/model/errors.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { API_OPTIONS, COMMON_OPTIONS, type Command, EXIT } from '../command-line.ts'
import { documentLine } from '../document-line.ts'

const FIRST_WAIT_MS = 250
const MAX_WAIT_MS = 5_000

export const tail: Command = {
  name: 'tail',
  summary: 'Follow alerts and events as they come',
  operands: '[KQL]',
  options: {
    events: { type: 'boolean', doc: 'follow events too, not only alerts' },
    detections: { type: 'boolean', doc: 'follow every firing of a rule too, not only the alerts they are grouped in' },
    json: { type: 'boolean', doc: 'one JSON document a line' },
    ...API_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'A terminal that is too slow is told how many it missed. When the API goes away it is tried again until it is back;\n' +
    'what came meanwhile is not shown, and that is said. Ctrl-C ends it.',
  examples: [
    ['seamark tail', 'every alert'],
    ["seamark tail --events 'container.name: web*'", 'everything kept of containers called web…'],
  ],
  async run(args) {
    const client = new ApiClient(commandConfig(args), args.text('url'))
    const abort = new AbortController()
    process.once('SIGINT', () => abort.abort())
    process.once('SIGTERM', () => abort.abort())
    const parameters = {
      filter: args.operands.join(' ') || undefined,
      kinds: ['alert', ...['event', 'detection'].filter((kind) => args.flag(`${kind}s`))].join(','),
    }
    const show = ({ event, data }: { event: string; data: unknown }) => {
      const item = data as { id: string; body: Record<string, unknown>; missed?: number }
      if (event === 'missed') process.stderr.write(`… ${item.missed} missed\n`)
      else
        process.stdout.write(
          `${args.flag('json') ? jsonLine({ id: item.id, ...item.body }) : documentLine(item.body)}\n`,
        )
    }
    await follow((onOpen) => client.tail(parameters, abort.signal, onOpen), show, abort.signal)
    return EXIT.ok
  },
}

/** Until it is aborted. Throws what the first connection is refused for, and what trying again will not mend. */
async function follow(
  open: (onOpen: () => void) => AsyncIterable<{ event: string; data: unknown }>,
  show: (message: { event: string; data: unknown }) => void,
  signal: AbortSignal,
): Promise<void> {
  let wasOpen = false
  for (let failures = 0; !signal.aborted; failures++) {
    const onOpen = () => {
      if (wasOpen) process.stderr.write('… connected again; what came meanwhile is not shown\n')
      wasOpen = true
      failures = 0
    }
    try {
      for await (const message of open(onOpen)) show(message)
    } catch (error) {
      if (signal.aborted) return
      // What breaks an open stream is no AppError: the connection is gone.
      if (!wasOpen || (error instanceof AppError && !error.retryable)) throw error
    }
    if (signal.aborted) return
    if (failures === 0) process.stderr.write('… the API has gone; trying again\n')
    await sleep(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10)), undefined, { signal }).catch(
      () => {},
    )
  }
}
