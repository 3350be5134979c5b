/** For commands that read or change a deployment's state and end. */
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { hasDocuments, type MeasuredQueue, openDocuments, openQueue } from '../backends.ts'
import type { Config } from '../config.ts'

export async function withDocuments<T>(config: Config, work: (documents: Documents) => Promise<T>): Promise<T> {
  const documents = openDocuments(config, quietLogger())
  return during([documents], () => work(documents))
}

/**
 * For what only looks at what a Seamark has left: makes nothing where none has been. Throws AppError
 * E_DATA_DIR_UNAVAILABLE there, since an empty answer would be taken for a good one.
 */
export async function withStoredDocuments<T>(config: Config, work: (documents: Documents) => Promise<T>): Promise<T> {
  requireStored(config)
  return withDocuments(config, work)
}

/** Throws as withStoredDocuments does. */
export async function withStoredQueue<T>(
  config: Config,
  work: (documents: Documents, queue: MeasuredQueue) => Promise<T>,
): Promise<T> {
  requireStored(config)
  const [documents, queue] = [openDocuments(config, quietLogger()), openQueue(config, quietLogger())]
  return during([documents, queue], () => work(documents, queue))
}

function requireStored(config: Config): void {
  if (hasDocuments(config)) return
  const message = `no Seamark has stored anything in ${config.dataDir}; name the directory of one with --data-dir`
  throw new AppError('E_DATA_DIR_UNAVAILABLE', message)
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
