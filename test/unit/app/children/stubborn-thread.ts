/** A role that starts and stops, but refuses rules and cannot tell its metrics. */
import { runThread } from '../../../../app/threads/thread-main.ts'
import { AppError } from '../../../../core/model/errors.ts'
import { Metrics } from '../../../../core/runtime/metrics.ts'

runThread(async () => ({
  component: { start: async () => {}, stop: async () => {} },
  metrics: new Metrics(),
  measure: () => {
    throw new Error('cannot measure')
  },
  onRules: async (files) => {
    if (files.length === 0) process.exit(1)
    throw new AppError('E_RULES_INVALID', 'these rules are not for me')
  },
}))
