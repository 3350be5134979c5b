/** The inside of a role's thread: builds its component, and serves what the main thread asks. */
import { parentPort } from 'node:worker_threads'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import type { RuleFile } from '../rules/rule-files.ts'
import type { FromThread, ThreadMetrics, ToThread } from './thread.ts'

export interface Role {
  component: Component
  metrics: Metrics
  /** Called before metrics are read, to bring gauges up to date. */
  measure?: () => Promise<void> | void
  /** A rejection leaves the rules as they are. */
  onRules?: (files: RuleFile[]) => Promise<void>
}

export function runThread(build: () => Promise<Role>): void {
  const port = parentPort
  if (port === null) throw new Error('this module runs in a thread of its own')
  const say = (message: FromThread) => port.postMessage(message)
  let role: Role | null = null
  const handle = async (message: ToThread): Promise<ThreadMetrics | undefined> => {
    switch (message.kind) {
      case 'start':
        role = await build()
        await role.component.start()
        return undefined
      case 'stop':
        await role?.component.stop(message.deadlineMs)
        return undefined
      case 'rules':
        await role?.onRules?.(message.files)
        return undefined
      case 'metrics':
        await role?.measure?.()
        return role?.metrics.registry.getMetricsAsJSON()
    }
  }
  port.on('message', (message: ToThread) => {
    const { request } = message
    handle(message).then(
      (metrics) => say({ kind: 'done', request, ...(metrics === undefined ? {} : { metrics }) }),
      (error: unknown) => {
        const code = error instanceof AppError ? error.code : null
        say({ kind: 'failed', request, code, message: error instanceof Error ? error.message : String(error) })
      },
    )
  })
}
