/** For commands that read or change a deployment's state and end. */
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { type MeasuredQueue, openDocuments, openQueue } from '../backends.ts'
import type { Config } from '../config.ts'

export async function withDocuments<T>(config: Config, work: (documents: Documents) => Promise<T>): Promise<T> {
  const documents = openDocuments(config, quietLogger())
  return during([documents], () => work(documents))
}

export async function withQueue<T>(
  config: Config,
  work: (documents: Documents, queue: MeasuredQueue) => Promise<T>,
): Promise<T> {
  const [documents, queue] = [openDocuments(config, quietLogger()), openQueue(config, quietLogger())]
  return during([documents, queue], () => work(documents, queue))
}

/** What fails is told by the command itself. */
function quietLogger() {
  return createLogger({ level: 'silent', component: 'command' })
}

async function during<T>(components: readonly Component[], work: () => Promise<T>): Promise<T> {
  try {
    for (const component of components) await component.start()
    return await work()
  } finally {
    for (const component of components) await component.stop(1_000)
  }
}
