/** `seamark tail`: follows alerts and events of a running Seamark as they come. */
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { API_OPTIONS, COMMON_OPTIONS, type Command, EXIT } from '../command-line.ts'
import { documentLine } from '../document-line.ts'

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
  notes: 'A terminal that is too slow is told how many it missed. Ctrl-C ends it.',
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
    try {
      for await (const { event, data } of client.tail(parameters, abort.signal)) {
        const item = data as { id: string; body: Record<string, unknown>; missed?: number }
        if (event === 'missed') process.stderr.write(`… ${item.missed} missed\n`)
        else
          process.stdout.write(
            `${args.flag('json') ? jsonLine({ id: item.id, ...item.body }) : documentLine(item.body)}\n`,
          )
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error
    }
    return EXIT.ok
  },
}
