/** What every role's thread is told when it starts. */
import type { FalcoFormat } from '../../alerts/notify/falco-format.ts'
import type { Config } from '../config.ts'
import type { RuleFile } from '../rules/rule-files.ts'

export interface ThreadData {
  config: Config
  /** Name of this host in every event. */
  collector: string
  /** Random per start. */
  epoch: string
  ruleFiles: RuleFile[]
  terminal: TerminalConfig | null
}

export interface TerminalConfig {
  /** `line` is for people. */
  format: 'line' | FalcoFormat
  colours: boolean
}
