/** The configuration a command works with: file and environment, overridden by its options. */
import { AppError } from '../core/model/errors.ts'
import type { ParsedArgs } from './command-line.ts'
import { type Config, readConfig } from './config.ts'

export function commandConfig(args: ParsedArgs): Config {
  const config = readConfig(args.text('config'))
  const matching = args.text('rule-matching') ?? config.rules.matching
  if (matching !== 'all' && matching !== 'first') {
    throw new AppError('E_USAGE', `--rule-matching takes all or first, not '${matching}'`)
  }
  return {
    ...config,
    dataDir: args.text('data-dir') ?? config.dataDir,
    rules: {
      ...config.rules,
      builtin: config.rules.builtin && !args.flag('no-builtin-rules'),
      paths: [...config.rules.paths, ...args.texts('rules')],
      matching,
    },
  }
}
