/**
 * Falco's configuration as far as it has a meaning here: the same rules, the same lines to the same places. What has
 * none is listed with its place in the file and the reason.
 */
import type { JsonPart } from '../../alerts/notify/falco-format.ts'
import { AppError } from '../../core/model/errors.ts'
import { PRIORITIES, type Priority } from '../../core/model/event.ts'
import type { Problem } from '../../core/model/problem.ts'
import type { LogLevel } from '../../core/runtime/logging.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import type { Config } from '../config.ts'
import { appendOutputOf } from './append-output.ts'
import { type Locate, namedRules, openFalcoConfig, USUAL_RULES } from './file.ts'
import { placeOf } from './rule-paths.ts'
import { unusedKeys } from './unused-keys.ts'
import type { FalcoValues } from './values.ts'

export interface FalcoConfig {
  /** The configuration with what the file says. */
  config: Config
  /** Whether alerts are printed, and as what; null prints none. */
  stdout: 'json' | 'text' | null
  /** Keys without a meaning here, in the order of the file. */
  leftOut: Problem[]
}

/** Throws AppError E_CONFIG_INVALID with every mistake and its place. */
export function readFalcoConfig(path: string, base: Config): FalcoConfig {
  const { root, locate, values, missing } = openFalcoConfig(path, 'give it with --rules')
  const leftOut = [...missing, ...unusedKeys(root, locate)]
  const config: Config = {
    ...base,
    capture: { ...base.capture, enabled: base.capture.enabled && values.text('engine.kind') !== 'nodriver' },
    rules: rulesOf(path, values, base, leftOut, locate),
    notify: notifyOf(values, base),
    log: { ...base.log, level: levelOf(values, base) },
  }
  const problems = values.problems
  if (problems.length > 0) throw new AppError('E_CONFIG_INVALID', formatProblems(problems))
  const isPrinted = values.boolean('stdout_output.enabled') ?? true
  return { config, stdout: isPrinted ? config.notify.format : null, leftOut }
}

function rulesOf(path: string, values: FalcoValues, base: Config, leftOut: Problem[], locate: Locate): Config['rules'] {
  const named = namedRules(path, values)
  if (named.length === 0 && base.rules.paths.length === 0)
    values.mistake('rules_files', `rules_files names no rules, and ${USUAL_RULES.join(', ')} are not beside this file`)
  // As packages bring it, the list names files that are there only when somebody made them.
  const found = named.flatMap((name) => placeOf(name, path) ?? [])
  const missing = named.filter((name) => placeOf(name, path) === null)
  for (const name of missing) {
    const location = locate(values.nodeOf('rules_files') ?? values.nodeOf('rules_file'))
    leftOut.push({ code: 'W_CONFIG_VALUE', severity: 'warning', message: `${name} is not there`, location })
  }
  if (named.length > 0 && found.length === 0) values.mistake('rules_files', 'none of the rule files is there')
  return {
    ...base.rules,
    // Those of Falco's configuration and no others.
    builtin: false,
    paths: [...found, ...base.rules.paths],
    select: values.selection('rules'),
    appendOutput: appendOutputOf(values),
    leastPriority: priorityOf(values),
    matching: values.oneOf('rule_matching', ['first', 'all']) ?? 'first',
  }
}

/** Of rules that are raised; Falco's default is the least. */
export function priorityOf(values: FalcoValues): Priority {
  const text = values.text('priority')?.toLowerCase()
  if (text === undefined) return 'Debug'
  const found = PRIORITIES.find((one) => one.toLowerCase() === (text === 'info' ? 'informational' : text))
  if (found === undefined) values.mistake('priority', `priority is one of ${PRIORITIES.join(', ').toLowerCase()}`)
  return found ?? 'Debug'
}

const JSON_KEYS: readonly [JsonPart, string, boolean][] = [
  ['output', 'json_include_output_property', true],
  ['message', 'json_include_message_property', false],
  ['output_fields', 'json_include_output_fields_property', true],
  ['tags', 'json_include_tags_property', true],
]

function notifyOf(values: FalcoValues, base: Config): Config['notify'] {
  const isOn = (output: string) => values.boolean(`${output}.enabled`) === true
  const needed = (key: string) =>
    values.text(key) ?? values.mistake(key, `${key} is needed where its output is enabled`)
  const { file: _, program: __, http: ___, ...rest } = base.notify
  return {
    ...rest,
    terminal: values.boolean('stdout_output.enabled') ?? true,
    format: values.boolean('json_output') === true ? 'json' : 'text',
    jsonParts: JSON_KEYS.flatMap(([part, key, byDefault]) => ((values.boolean(key) ?? byDefault) ? [part] : [])),
    iso8601Times: values.boolean('time_format_iso_8601') ?? false,
    syslog: isOn('syslog_output'),
    ...(isOn('file_output') ? { file: needed('file_output.filename') } : {}),
    ...(isOn('program_output')
      ? {
          program: {
            command: needed('program_output.program'),
            keepAlive: values.boolean('program_output.keep_alive') ?? false,
            // As Falco does.
            ignoreExitCode: true,
          },
        }
      : {}),
    ...(isOn('http_output') ? { http: httpOf(values, needed('http_output.url')) } : {}),
  }
}

function httpOf(values: FalcoValues, url: string): NonNullable<Config['notify']['http']> {
  const caFile = values.text('http_output.ca_cert') ?? values.text('http_output.ca_bundle')
  const isMutual = values.boolean('http_output.mtls') === true
  const certificateFile = isMutual ? values.text('http_output.client_cert') : undefined
  const keyFile = isMutual ? values.text('http_output.client_key') : undefined
  if (!/^https?:\/\//.test(url)) values.mistake('http_output.url', 'an address begins with http:// or https://')
  return {
    url,
    userAgent: values.text('http_output.user_agent') ?? 'seamark',
    compress: values.boolean('http_output.compress_uploads') ?? false,
    insecure: values.boolean('http_output.insecure') ?? false,
    ...(caFile === undefined ? {} : { caFile }),
    ...(certificateFile === undefined ? {} : { certificateFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  }
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  emergency: 'error',
  alert: 'error',
  critical: 'error',
  error: 'error',
  warning: 'warn',
  notice: 'info',
  info: 'info',
  informational: 'info',
  debug: 'debug',
}

function levelOf(values: FalcoValues, base: Config): LogLevel {
  if (values.boolean('log_stderr') === false) return 'silent'
  const text = values.text('log_level')?.toLowerCase()
  if (text === undefined) return base.log.level
  if (!Object.hasOwn(LEVELS, text)) values.mistake('log_level', `log_level is one of ${Object.keys(LEVELS).join(', ')}`)
  return LEVELS[text] ?? base.log.level
}
