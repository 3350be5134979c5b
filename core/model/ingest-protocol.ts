/**
 * What a host and ingest say to each other over HTTP. A message is several sealed batches (core/batch/frames.ts); the
 * limits of the sender lie below those of the receiver, and a test holds them to it.
 */
export const INGEST_PATHS = {
  /** POST a message; 200 when all of it is durable. */
  batches: '/ingest/v1/batches',
  /** POST a token, a name, and the id and digest of the host's own key; 201, and again 201 when it is repeated. */
  enrol: '/ingest/v1/enrol',
  /** GET the active rules, with their version as ETag. */
  rules: '/ingest/v1/rules',
  /** GET what is to be done and was not answered yet; waits `wait_ms` for something. */
  commands: '/ingest/v1/commands',
  /** POST what came of commands; 200 when it is kept. */
  commandResults: '/ingest/v1/commands/results',
} as const

/** Below the time that a host waits for any answer. */
export const MAX_COMMAND_WAIT_MS = 25_000

export const BATCHES_TYPE = 'application/vnd.seamark.batches'
/** Request: the host's clock when it sent, ms since the Unix epoch. */
export const SENT_HEADER = 'seamark-sent-ms'
/** Answer: the version of the rules that judge what arrives now. */
export const RULESET_HEADER = 'seamark-ruleset'

/** What ingest takes in one message. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024
/** Its batches together, as they say themselves. */
export const MAX_MESSAGE_INFLATED_BYTES = 128 * 1024 * 1024
export const MAX_MESSAGE_BATCHES = 256
/** What a host puts into one. */
export const MAX_SENT_BATCHES = 64
