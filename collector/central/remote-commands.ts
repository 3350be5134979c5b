/** The commands of this host, asked from ingest: each question waits there until there is something to say. */
import {
  type CommandChannel,
  type CommandResult,
  type DueCommand,
  MAX_COMMANDS_AT_ONCE,
} from '../../core/model/command.ts'
import { AppError } from '../../core/model/errors.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import { detailOf, type IngestAnswer, type IngestClient } from './ingest-client.ts'

export function createRemoteCommands(client: IngestClient): CommandChannel {
  return {
    async next(waitMs, signal) {
      const path = `${INGEST_PATHS.commands}?wait_ms=${Math.round(waitMs)}`
      const answer = await unlessAborted(client.send({ method: 'GET', path }), signal)
      if (answer === null) return []
      const { commands } = bodyOf<{ commands: DueCommand[] }>(answer)
      return commands.slice(0, MAX_COMMANDS_AT_ONCE)
    },

    async settle(results: readonly CommandResult[]) {
      const body = Buffer.from(JSON.stringify({ results }))
      const path = INGEST_PATHS.commandResults
      bodyOf(await client.send({ method: 'POST', path, type: 'application/json', body }))
    },
  }
}

function bodyOf<T>(answer: IngestAnswer): T {
  if (answer.status === 200) return JSON.parse(answer.body.toString('utf8')) as T
  throw new AppError('E_INGEST_UNAVAILABLE', `Ingest answered ${detailOf(answer)}`, { retryable: true })
}

/** Null when it is aborted first. The answer that is still awaited then ends with its connection. */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>()
  const onAbort = () => resolve(null)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([answer, aborted])
  } finally {
    // The signal lives as long as the host; questions are many.
    signal.removeEventListener('abort', onAbort)
  }
}
