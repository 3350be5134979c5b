/**
 * Conditions of a part and how they are told, the same in every shape: what differs is who stamps the batches of health
 * events, as it does for those of collectors.
 */
import { randomBytes } from 'node:crypto'
import { ConditionReporter } from '../../core/health/condition-reporter.ts'
import { Conditions } from '../../core/health/conditions.ts'
import { HealthBatches } from '../../core/health/health-batches.ts'
import type { BatchHeader, Envelope } from '../../core/model/batch.ts'
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import type { Queue } from '../../core/model/queue.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { Envelopes } from '../../ingest/envelopes.ts'
import { openLocalStore } from '../backends.ts'
import { type Config, collectorId } from '../config.ts'
import { createEnvelopeStamp } from '../embedded/envelope-stamp.ts'

export interface HealthRoleOptions {
  config: Config
  /** Such as `ingest`; names the part together with the machine. */
  role: string
  queue: Queue
  documents: Documents
  metrics: Metrics
  logger: Logger
}

export interface HealthRole {
  conditions: Conditions
  /** Tells of them; after the queue and the documents, before what finds them. */
  reporting: Component
}

export function buildHealth({ config, role, queue, documents, metrics, logger }: HealthRoleOptions): HealthRole {
  const conditions = new Conditions({ metrics })
  const part = `${role}@${collectorId(config)}`
  const { stamp, component } = stamping(config, documents, logger)
  const batches = new HealthBatches({ queue, collector: part, epoch: randomBytes(6).toString('hex'), stamp })
  const reporting = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('stamp', component)
    .add(
      'conditions',
      new ConditionReporter({
        conditions,
        part,
        documents,
        emit: (event) => batches.emit(event),
        metrics,
        logger,
      }),
    )
  return { conditions, reporting }
}

function stamping(
  config: Config,
  documents: Documents,
  logger: Logger,
): { stamp: (header: BatchHeader) => Envelope; component: Component } {
  if (config.redis.url === undefined) {
    const store = openLocalStore(config, logger, true)
    return { stamp: createEnvelopeStamp({ currentPart: (day) => store.currentPart(day) }), component: store }
  }
  const onError = (error: unknown) => logger.debug({ err: error }, 'The active rules cannot be read now')
  const envelopes = new Envelopes({ documents, onError })
  return { stamp: (header) => envelopes.stamp(header), component: envelopes }
}
