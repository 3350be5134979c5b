/** The configuration a command works with: file and environment, overridden by its options. */
import { AppError } from '../core/model/errors.ts'
import type { ParsedArgs } from './command-line.ts'
import { type Config, readConfig } from './config.ts'
import { readFalcoConfig } from './falco-config/read.ts'

/** With `--falco-config`, what that file says on top. Throws AppError E_CONFIG_INVALID or E_USAGE. */
export function commandConfig(args: ParsedArgs): Config {
  const config = ownConfig(args)
  const falco = args.text('falco-config')
  return falco === undefined ? config : readFalcoConfig(falco, config).config
}

/** Without a falco.yaml. */
export function ownConfig(args: ParsedArgs): Config {
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
