/**
 * A host that executes commands and ships its answers. Kind `note` appends its argument to a file, then says so; kind
 * `hang` does that and never ends.
 */
import { appendFileSync } from 'node:fs'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'
import { IngestClient } from '../../../collector/central/ingest-client.ts'
import { createRemoteCommands } from '../../../collector/central/remote-commands.ts'
import { Collector } from '../../../collector/collector.ts'
import { CommandRunner } from '../../../collector/commands/command-runner.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'

const [url = '', key = '', directory = '', notes = ''] = process.argv.slice(2)
const metrics = new Metrics()
const logger = createLogger({ level: 'silent', component: 'test' })
const queue = createSqliteQueue({ directory: `${directory}/queue` })
const journal = createSqliteDocuments({ directory: `${directory}/journal` })
await queue.start()
await journal.start()
const collector = new Collector({
  collector: 'host-1',
  epoch: String(process.pid),
  queue,
  ruleSet: loadRuleSet([], {}).ruleSet!,
  keepEventTypes: ['command'],
  sources: [],
  join: async (batch) => batch,
  conditions: new Conditions({ metrics }),
  metrics,
  logger,
})
await collector.start()
const note = (args: unknown) => appendFileSync(notes, `${JSON.stringify(args)}\n`)
const actions = new Map([
  [
    'note',
    async (args: unknown) => {
      note(args)
      return 'noted'
    },
  ],
  [
    'hang',
    (args: unknown) => {
      note(args)
      return new Promise<string>(() => {})
    },
  ],
])
const channel = createRemoteCommands(new IngestClient({ url, key }))
await new CommandRunner({ channel, actions, journal, sink: collector, metrics, logger }).start()
process.stdout.write('ready\n')
