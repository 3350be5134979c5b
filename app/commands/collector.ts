/** `seamark collector`: watches this machine for a deployment. */
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, RULE_OPTIONS } from '../command-line.ts'
import { startHost } from '../distributed/host.ts'
import { runProcess } from '../distributed/process.ts'

export const collector: Command = {
  name: 'collector',
  summary: 'Watch this machine for a deployment',
  options: { ...RULE_OPTIONS, ...COMMON_OPTIONS },
  notes:
    'Needs central.url and, once, central.token_file. What it sees is on its own disk first and is sent when ingest\n' +
    'takes it; meanwhile it watches with the rules it had.',
  examples: [
    ['seamark collector', 'with the addresses of the configuration'],
    [
      'SEAMARK_CENTRAL_URL=https://seamark.example:7328 SEAMARK_CENTRAL_TOKEN_FILE=token seamark collector',
      'enrol, then watch',
    ],
  ],
  run: (args) => runProcess('collector', commandConfig(args), startHost),
}
