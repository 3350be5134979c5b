/**
 * Failures of the world. Mistakes in users' files are not errors but `Problem` values (problem.ts).
 * Every code stands in this one list; docs/reference/errors.md is generated from it.
 */

export const ERROR_CODES = {
  E_CONFIG_INVALID: 'The configuration has mistakes; Seamark does not start with it.',
  E_USAGE: 'The command line was not understood.',
  E_RULES_INVALID: 'A rules file has mistakes; the whole set is refused and the previous one stays active.',
  E_BATCH_CORRUPT: 'A batch is damaged or hostile and cannot be read; it is quarantined.',
  E_QUEUE_FULL: 'The queue has reached its bound in bytes.',
  E_QUEUE_STORAGE: 'The queue could not write to disk (full, read-only or failing).',
  E_STORE_STORAGE: 'The search store could not read or write its files.',
  E_STORE_CURSOR: 'The paging cursor is malformed or belongs to another query.',
  E_STORE_QUERY: 'The query asks for something the search store cannot answer.',
  E_CAPTURE_UNAVAILABLE: 'System calls cannot be captured on this host.',
  E_CAPTURE_FAILED: 'Capture stopped working while it ran.',
  E_RECORDING_CORRUPT: 'A recording is damaged, truncated or of another version.',
  E_DOCKER_UNAVAILABLE: 'The Docker Engine API cannot be reached.',
  E_DOCKER_REFUSED: 'The Docker Engine API refused a request.',
  E_CONTAINER_PATH: 'A path inside a container could not be read safely.',
  E_API_UNAVAILABLE: 'The Seamark API cannot be reached.',
  E_DATA_DIR_BUSY: 'Another Seamark already uses this data directory.',
  E_DEADLINE: 'Work did not finish before its deadline.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export interface AppErrorOptions {
  /** Whether the same call may succeed later without anyone changing anything. */
  retryable?: boolean
  cause?: unknown
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
