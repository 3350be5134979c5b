/**
 * Failures of the world. Mistakes in users' files are not errors but `Problem` values (problem.ts).
 * Every code stands in this one list; docs/reference/errors.md is generated from it.
 */

export const ERROR_CODES = {
  E_CONFIG_INVALID: 'The configuration has mistakes; Seamark does not start with it.',
  E_USAGE: 'The command line was not understood.',
  E_RULES_INVALID: 'A rules file has mistakes; the whole set is refused and the previous one stays active.',
  E_BATCH_TOO_LARGE: 'The events of a batch are larger than a batch may be; a collector sends them as several.',
  E_BATCH_CORRUPT: 'A batch is damaged or hostile and cannot be read; it is quarantined.',
  E_QUEUE_FULL: 'The queue has reached its bound in bytes.',
  E_QUEUE_LAYOUT: 'Redis holds data of a version of Seamark that this one cannot read.',
  E_QUEUE_STORAGE: 'The queue could not write to disk (full, read-only or failing).',
  E_STORE_STORAGE: 'The search store could not read or write its files.',
  E_STORE_REFUSED: 'The search store will never take a document as it is; it is kept as a dead letter.',
  E_STORE_CURSOR: 'The paging cursor is malformed or belongs to another query.',
  E_STORE_QUERY: 'The query asks for something the search store cannot answer.',
  E_CAPTURE_UNAVAILABLE: 'System calls cannot be captured on this host.',
  E_CAPTURE_FAILED: 'Capture stopped working while it ran.',
  E_RECORDING_CORRUPT: 'A recording is damaged, truncated or of another version.',
  E_DOCKER_UNAVAILABLE: 'The Docker Engine API cannot be reached.',
  E_DOCKER_REFUSED: 'The Docker Engine API refused a request.',
  E_CONTAINER_PATH: 'A path inside a container could not be read safely.',
  E_API_REQUEST: 'A request to the REST API has a mistake; the answer names the parameter.',
  E_API_QUERY: 'A KQL filter in a request has a mistake; the answer gives the position.',
  E_API_NOT_FOUND: 'There is nothing at this address of the REST API, or no document with this id.',
  E_API_METHOD: 'The REST API has the address, but not with this method.',
  E_API_HOST: 'A request names a host that this API does not answer for (DNS rebinding).',
  E_API_ORIGIN: 'A request comes from a page of another origin.',
  E_API_TOO_LARGE: 'A request is larger than the API reads.',
  E_API_BUSY: 'The API serves as many of these requests as it can already.',
  E_API_INTERNAL: 'The API failed in a way it should not; the log has the details.',
  E_API_UNAVAILABLE: 'The Seamark API cannot be reached.',
  E_INGEST_CREDENTIALS: 'A request to ingest has no valid credentials: unknown, revoked or malformed.',
  E_INGEST_COLLECTOR: 'A batch carries the id of another collector than the one that sends it.',
  E_INGEST_TOKEN: 'An enrolment token is unknown, used or expired.',
  E_INGEST_NAME_TAKEN: 'Another collector is enrolled under this name; revoke it or choose another.',
  E_INGEST_UNAVAILABLE: 'Ingest cannot be reached or takes nothing now; the host keeps its batches meanwhile.',
  E_KIBANA_UNAVAILABLE: 'Kibana cannot be reached or is not ready.',
  E_KIBANA_REFUSED: 'Kibana refused a request, or is none.',
  E_KIBANA_IMPORT: 'Kibana did not take a saved object, or lacks one that it said it took.',
  E_DATA_DIR_UNAVAILABLE: 'The data directory cannot be made or written, or nothing is in it that could be read.',
  E_DATA_DIR_BUSY: 'Another Seamark already uses this data directory.',
  E_DEMO_INTERRUPTED: 'The demo was interrupted by a signal.',
  E_NOTIFY_FAILED: 'A destination did not take a notification.',
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
