/**
 * Work that nobody waits for, such as heartbeats: its failure is counted each time and logged when it begins, so that it
 * neither ends the program nor goes unheard.
 */
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'

/** `task` comes from a closed list; it labels the metric. Never throws. */
export type RunInBackground = (task: string, work: () => Promise<unknown>) => void

export function createBackground({ metrics, logger }: { metrics: Metrics; logger: Logger }): RunInBackground {
  const failing = new Set<string>()
  return (task, work) => {
    // What throws before it returns a promise has failed no less.
    Promise.resolve()
      .then(work)
      .then(
        () => void failing.delete(task),
        (error: unknown) => {
          metrics.add('seamark_background_failures_total', 1, { task })
          if (!failing.has(task)) logger.error({ err: error, task }, 'Work in the background failed')
          failing.add(task)
        },
      )
  }
}
