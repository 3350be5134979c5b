/**
 * The program's own log: JSON lines on standard error, so that standard output carries only what was asked for.
 * A message is a constant sentence, facts are fields; nothing is logged per event.
 */
import pino, { type Logger } from 'pino'

export type { Logger }

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LoggerOptions {
  level: LogLevel
  /** Which part of the program speaks. */
  component: string
}

export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { component: options.component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['*.password', '*.token', '*.secret', '*.authorization'], censor: '[hidden]' },
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
