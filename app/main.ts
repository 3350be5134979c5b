/** The command line: finds the command, parses its options, runs it, and ends with its exit code. */
import { nearestName } from '../core/language/nearest-name.ts'
import { AppError } from '../core/model/errors.ts'
import { type Command, EXIT, EXIT_CODES, helpOf, parseCommand, table, tellFailure } from './command-line.ts'
import { COMMANDS } from './commands/index.ts'
import { VERSION } from './version.ts'

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const named = first === 'help' && rest[0] !== undefined ? find(rest) : null
    process.stdout.write(named === null ? overview() : helpOf(named.command))
    return first === undefined ? EXIT.usage : EXIT.ok
  }
  if (first === '--version' || first === '-V') {
    process.stdout.write(`seamark ${VERSION}\n`)
    return EXIT.ok
  }
  const found = find(argv)
  if (found === null && COMMANDS.some(({ name }) => name.startsWith(`${first} `))) {
    // The first word of several commands, such as `rules`.
    const isAsked = rest.length === 0 || rest.includes('--help') || rest.includes('-h')
    if (!isAsked) throw new AppError('E_USAGE', unknownCommand(argv))
    const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
    process.stdout.write(
      [
        `Usage: seamark ${first} COMMAND [options]\n`,
        'Commands:',
        table(group.map(({ name, summary }) => [name, summary])),
        '',
        'Examples:',
        table([
          ...group.map(({ examples }) => examples[0]!),
          [`seamark ${group[0]!.name} --help`, 'all of its options'],
        ]),
        '',
      ].join('\n'),
    )
    return EXIT.ok
  }
  if (found === null) {
    throw new AppError('E_USAGE', unknownCommand(argv))
  }
  if (found.rest.includes('--help') || found.rest.includes('-h')) {
    process.stdout.write(helpOf(found.command))
    return EXIT.ok
  }
  return found.command.run(parseCommand(found.command, found.rest))
}

/** Of two words only where the first begins the name of a command, as in `rules chekc`. */
function unknownCommand(argv: readonly string[]): string {
  const names = COMMANDS.map(({ name }) => name)
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'))
  const near = nearestName(words.join(' '), names) ?? nearestName(argv[0]!, names)
  const hint = near === undefined ? '' : `; did you mean '${near}'?`
  return `There is no command '${near?.includes(' ') ? words.join(' ') : argv[0]}'${hint}\nTry: seamark --help`
}

/** Names can be of two words (`rules check`); the longest that fits wins. */
function find(argv: readonly string[]): { command: Command; rest: readonly string[] } | null {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ')
    const command = COMMANDS.find((candidate) => candidate.name === name)
    if (command !== undefined) return { command, rest: argv.slice(words) }
  }
  return null
}

function overview(): string {
  return [
    'Seamark watches containers: system calls and Docker events in, alerts and a searchable history out.\n',
    'Usage: seamark COMMAND [options]\n',
    'Commands:',
    table(COMMANDS.map(({ name, summary }) => [name, summary])),
    '',
    'Exit codes:',
    table(EXIT_CODES),
    '',
    'Examples:',
    table([
      ['seamark up', 'watch this machine'],
      ['seamark demo', 'see four attacks raise four alerts'],
      ['seamark COMMAND --help', 'options and examples of one command'],
    ]),
    '',
  ].join('\n')
}

// Output piped into a program that left (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
})

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.exitCode = tellFailure(error)
  },
)
