/** What the processes of a deployment share: signals, their own log and metrics, and an end within the deadline. */
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger, type Logger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { EXIT } from '../command-line.ts'
import type { Config } from '../config.ts'

export interface ProcessContext {
  config: Config
  logger: Logger
  metrics: Metrics
  /** Starts it, and stops it in reverse order at the end. Throws what its start throws. */
  run(name: string, component: Component): Promise<void>
  /** Aborts when the process is told to end, also while it is still starting. */
  signal: AbortSignal
  /** Ends the process as failed: a part died, and whoever supervises should start it afresh. */
  fail(message: string): void
}

/** Runs until SIGTERM or SIGINT; returns the exit code. `start` returns what to tell the person who started it. */
export async function runProcess(
  name: string,
  config: Config,
  start: (context: ProcessContext) => Promise<string>,
): Promise<number> {
  const logger = createLogger({ level: config.log.level, component: name })
  const ended = Promise.withResolvers<number>()
  const stop = new AbortController()
  const finish = (code: number) => {
    ended.resolve(code)
    stop.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => finish(EXIT.ok))
  const parts: Lifecycle[] = []
  const onStopFailure = (part: string, error: unknown) =>
    logger.error({ err: error, part }, 'A part did not stop in time')
  const context: ProcessContext = {
    config,
    logger,
    metrics: new Metrics(),
    signal: stop.signal,
    async run(part, component) {
      const lifecycle = new Lifecycle(onStopFailure).add(part, component)
      await lifecycle.start()
      parts.push(lifecycle)
    },
    fail(message) {
      process.stderr.write(`seamark ${name}: ${message}\n`)
      finish(EXIT.failed)
    },
  }
  try {
    process.stderr.write(`${await start(context)}\n`)
    return await ended.promise
  } catch (error) {
    if (!stop.signal.aborted) throw error
    return await ended.promise
  } finally {
    const endMs = performance.now() + config.shutdown.deadlineMs
    for (const part of parts.reverse()) await part.stop(Math.max(100, endMs - performance.now()))
  }
}

/** Throws AppError E_CONFIG_INVALID for a command that needs a deployment and was told of none. */
export function requireDeployment(config: Config, ...needs: ('redis' | 'elasticsearch')[]): void {
  for (const need of needs) {
    if (config[need].url !== undefined) continue
    const variable = `SEAMARK_${need.toUpperCase()}_URL`
    throw new AppError('E_CONFIG_INVALID', `This needs a deployment: set ${need}.url or ${variable}`)
  }
}
