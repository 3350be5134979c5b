/** What all commands share: options, help, exit codes, and how a failure is told. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearestName } from '../core/language/nearest-name.ts'
import { AppError, type ErrorCode } from '../core/model/errors.ts'
import { safeText } from '../core/runtime/safe-text.ts'

export const EXIT = {
  ok: 0,
  /** The command ran and the answer is no: a rule file with mistakes, a missing alert, a failed test. */
  negative: 1,
  /** The command line was not understood. */
  usage: 2,
  /** Something it needs is not there: no privileges, no engine, no running Seamark. */
  unavailable: 3,
  /** It failed. */
  failed: 4,
} as const

/** What each means, for the overview and the reference. */
export const EXIT_CODES: readonly (readonly [string, string])[] = [
  [String(EXIT.ok), 'done'],
  [
    String(EXIT.negative),
    'done, and the answer is no (mistakes in rules, a missing alert, a failed test, a blind source)',
  ],
  [String(EXIT.usage), 'the command line was not understood'],
  [String(EXIT.unavailable), 'something it needs is not there (privileges, Docker, a running Seamark, a free port)'],
  [String(EXIT.failed), 'it failed'],
]

export interface OptionSpec {
  type: 'string' | 'boolean'
  short?: string
  multiple?: boolean
  /** Shown in the help as `--name VALUE`. */
  value?: string
  doc: string
}

export interface Command {
  name: string
  summary: string
  /** Arguments after the name, as in `FILE…`. */
  operands?: string
  options: Record<string, OptionSpec>
  /** Lines of `command   what it does`. */
  examples: readonly (readonly [string, string])[]
  /** More to know, before the examples. */
  notes?: string
  run(args: ParsedArgs): Promise<number>
}

export interface ParsedArgs {
  operands: string[]
  flag(name: string): boolean
  text(name: string): string | undefined
  texts(name: string): string[]
}

export const COMMON_OPTIONS = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    doc: 'configuration file (default /etc/seamark/seamark.yml, if it is there)',
  },
  'data-dir': { type: 'string', value: 'DIR', doc: 'where queue and store live (default /var/lib/seamark)' },
} as const satisfies Record<string, OptionSpec>

export const API_OPTIONS = {
  url: {
    type: 'string',
    value: 'URL',
    doc: 'the Seamark to ask, such as http://127.0.0.1:7327 (default: the one of the data directory)',
  },
} as const satisfies Record<string, OptionSpec>

export const RULE_OPTIONS = {
  rules: {
    type: 'string',
    short: 'r',
    multiple: true,
    value: 'PATH',
    doc: 'rule file or folder, after the shipped ones; repeatable',
  },
  'no-builtin-rules': { type: 'boolean', doc: 'leave the shipped rules out' },
  'rule-matching': {
    type: 'string',
    value: 'all|first',
    doc: 'whether every matching rule fires or only the first (default all)',
  },
  'falco-config': {
    type: 'string',
    value: 'FILE',
    doc: "Falco's own configuration: its rules, outputs and priority in the place of ours",
  },
} as const satisfies Record<string, OptionSpec>

/** Longer left sides of a table push the right side to the next line. */
const MAX_LEFT_CHARS = 48

/** Throws AppError E_USAGE. */
export function parseCommand(command: Command, argv: readonly string[]): ParsedArgs {
  const options: ParseArgsConfig['options'] = {}
  for (const [name, { type, short, multiple }] of Object.entries(command.options)) {
    options[name] = { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) }
  }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    if (positionals.length > 0 && command.operands === undefined)
      throw new Error(`Unexpected argument '${positionals[0]}'`)
    const all = (name: string): string[] => {
      const value = values[name]
      return value === undefined ? [] : ([value].flat() as string[])
    }
    return {
      operands: positionals,
      flag: (name) => values[name] === true,
      text: (name) => all(name).at(-1),
      texts: all,
    }
  } catch (cause) {
    // Node adds advice about positional arguments that fits no command here.
    const message = (cause instanceof Error ? cause.message : String(cause)).split('. To specify')[0]
    const near = nearestOption(cause, command)
    const hint = near === undefined ? '' : `; did you mean --${near}?`
    throw new AppError('E_USAGE', `${message}${hint}\nTry: seamark ${command.name} --help`, { cause })
  }
}

/** For an option that the command does not have: the one that was meant. */
function nearestOption(error: unknown, command: Command): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return undefined
  const name = /'--([^'=]+)/.exec(message)?.[1]
  return name === undefined ? undefined : nearestName(name, [...Object.keys(command.options), 'help'])
}

export function helpOf(command: Command): string {
  const rows = Object.entries(command.options).map(([name, { short, value, doc }]): [string, string] => [
    `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    doc,
  ])
  rows.push(['-h, --help', 'this help'])
  return [
    `${command.summary}\n`,
    `Usage: seamark ${command.name}${command.operands === undefined ? '' : ` ${command.operands}`} [options]\n`,
    'Options:',
    table(rows),
    ...(command.notes === undefined ? [] : ['', command.notes]),
    '',
    'Examples:',
    table(command.examples),
    '',
  ].join('\n')
}

/** Two columns; a left side that is wider than most has its right side on a line of its own. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const widths = rows.map(([left]) => left.length).filter((width) => width <= MAX_LEFT_CHARS)
  const width = Math.max(0, ...widths)
  return rows
    .map(([left, right]) =>
      left.length > width ? `  ${left}\n  ${' '.repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
    )
    .join('\n')
}

/** `1 rule`, `2 rules`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Text of several lines that is safe to print: only its line breaks act on the terminal. */
export function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n')
}

/** What the API refuses because of how it was asked. */
const MISTAKES: ReadonlySet<ErrorCode> = new Set([
  'E_USAGE',
  'E_API_REQUEST',
  'E_API_QUERY',
  'E_API_NOT_FOUND',
  'E_API_TOO_LARGE',
  'E_STORE_CURSOR',
])

/** As `formatProblems` ends the line of a mistake. */
const OWN_CODE = / \[[EW]_[A-Z_]+\]$/

/** Tells a failure on standard error, safe to print whatever it quotes, and gives the exit code. */
export function tellFailure(error: unknown, out: { write(text: string): unknown } = process.stderr): number {
  if (!(error instanceof AppError)) {
    out.write(`seamark: ${safeLines(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`)
    return EXIT.failed
  }
  const { code, retryable } = error
  // The code stands beside what happened; what to do follows below. Mistakes in a file come with codes of their own.
  const [first = '', ...more] = error.message.split('\n')
  const told = OWN_CODE.test(first) ? first : `${first} [${code}]`
  out.write(`seamark: ${safeLines([told, ...more].join('\n'))}\n`)
  if (MISTAKES.has(code)) return EXIT.usage
  if (code === 'E_CONFIG_INVALID' || code === 'E_RULES_INVALID') return EXIT.negative
  // An API that answers but is too busy, or cannot read its store now, is there no more than one that does not.
  const isRefusal = code.startsWith('E_API_') || code.startsWith('E_STORE_')
  if (code.endsWith('UNAVAILABLE') || code === 'E_DATA_DIR_BUSY' || (isRefusal && retryable)) return EXIT.unavailable
  return EXIT.failed
}
