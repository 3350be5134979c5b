/** docs/reference/command-line.md: the help of every command, as the program prints it. */
import { EXIT_CODES, helpOf } from '../../app/command-line.ts'
import { COMMANDS } from '../../app/commands/index.ts'
import { code, page, section, tableOf } from './markdown.ts'

export function commandLinePage(): string {
  return page(
    'Command line',
    '`seamark --help` gives the overview, `seamark COMMAND --help` what stands here. Answers go to standard output, everything ' +
      'else to standard error. Source: `app/commands/`.',
    tableOf(
      ['command', 'what it does'],
      COMMANDS.map(({ name, summary }) => [code(`seamark ${name}`), summary]),
    ),
    ...COMMANDS.map((command) =>
      section(`seamark ${command.name}`, `\`\`\`text\n${helpOf(command).trimEnd()}\n\`\`\``),
    ),
    section('Exit codes', tableOf(['code', 'meaning'], EXIT_CODES)),
  )
}
