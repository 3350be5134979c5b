/**
 * Which backend stands behind each port: SQLite files under the data directory and a feed within the process, or Redis
 * and Elasticsearch where the configuration names them.
 */
import { join } from 'node:path'
import type { ElasticsearchConfig } from '../backends/elasticsearch/connection.ts'
import {
  createElasticsearchStore,
  type ElasticsearchStore,
  type StoreCounters as IndexCounters,
} from '../backends/elasticsearch/search-store.ts'
import { createMemoryFeed } from '../backends/memory/feed.ts'
import type { RedisConfig } from '../backends/redis/connection.ts'
import { createRedisDocuments } from '../backends/redis/documents.ts'
import { createRedisFeed } from '../backends/redis/feed.ts'
import { createRedisMonitor } from '../backends/redis/monitor.ts'
import { createRedisQueue, type RedisQueueCounters } from '../backends/redis/queue.ts'
import { createSqliteDocuments, hasSqliteDocuments } from '../backends/sqlite/documents.ts'
import { createSqliteQueue, type QueueCounters, type SqliteQueue } from '../backends/sqlite/queue.ts'
import { createSqliteSearchStore, type SqliteSearchStore, type StoreCounters } from '../backends/sqlite/search-store.ts'
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../core/fields/document-fields.ts'
import type { Conditions } from '../core/health/conditions.ts'
import { evaluate } from '../core/language/kql/evaluate.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import type { Feed } from '../core/model/feed.ts'
import type { Queue } from '../core/model/queue.ts'
import type { SearchStore } from '../core/model/search-store.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { logRepeated } from '../core/runtime/repeated-errors.ts'
import type { Config } from './config.ts'
import { readSecret } from './secret-file.ts'

export type MeasuredQueue = Queue &
  Component & { readonly counters: Readonly<Partial<QueueCounters & RedisQueueCounters>> }
export type MeasuredStore = SearchStore &
  Component & { readonly counters: Readonly<Partial<StoreCounters & IndexCounters>> }

/** Between the stages of a process or of a deployment. */
export function openQueue(config: Config, logger: Logger): MeasuredQueue {
  if (config.redis.url === undefined) return openSpool(config, logger)
  return createRedisQueue({
    ...redisConfig(config),
    maxBytes: config.queue.maxBytes,
    leaseMs: config.redis.leaseSeconds * 1_000,
    // Ingest has told hosts that it has their batches; what does not fit waits with them, where batches go by class.
    keeps: ['batches'],
    onError: logRepeated(logger, 'The queue on Redis has a failure'),
  })
}

/** Looks after Redis itself; null where there is none. */
export function openRedisMonitor(config: Config, conditions: Conditions, metrics: Metrics): Component | null {
  return config.redis.url === undefined ? null : createRedisMonitor({ ...redisConfig(config), conditions, metrics })
}

/** On this machine, whatever joins the processes: what a host has seen and not yet sent. */
export function openSpool(config: Config, logger: Logger): SqliteQueue {
  return createSqliteQueue({
    directory: join(config.dataDir, 'queue'),
    maxBytes: config.queue.maxBytes,
    onCorrupt: reportCorrupt(logger),
    onStorageError: logRepeated(logger, 'The queue cannot read or write its files'),
  })
}

/** What this host has to remember of what it did, whatever the centre is. */
export function openJournal(config: Config, logger: Logger): Documents & Component {
  return createSqliteDocuments({ directory: join(config.dataDir, 'journal'), onCorrupt: reportCorrupt(logger) })
}

export function openDocuments(config: Config, logger: Logger): Documents & Component {
  if (config.redis.url === undefined)
    return createSqliteDocuments({ directory: join(config.dataDir, 'documents'), onCorrupt: reportCorrupt(logger) })
  return createRedisDocuments({
    ...redisConfig(config),
    onError: logRepeated(logger, 'The documents on Redis have a failure'),
  })
}

/** False where opening them would make the first. What cannot be looked at may be there: opening it says what is wrong. */
export function hasDocuments(config: Config): boolean {
  return config.redis.url !== undefined || hasSqliteDocuments(join(config.dataDir, 'documents'))
}

export function openFeed(config: Config, logger: Logger): Feed & Component {
  if (config.redis.url === undefined) return createMemoryFeed({ name: config.dataDir, evaluate })
  const onError = logRepeated(logger, 'The live tail on Redis has a failure')
  return createRedisFeed({ ...redisConfig(config), evaluate, onError })
}

/** `readOnly`: for a thread that only searches. */
export function openSearchStore(config: Config, logger: Logger, readOnly = false): MeasuredStore {
  return config.elasticsearch.url === undefined ? openLocalStore(config, logger, readOnly) : openElasticsearch(config)
}

export function openElasticsearch(config: Config): ElasticsearchStore {
  return createElasticsearchStore({
    ...elasticsearchConfig(config),
    fields: DOCUMENT_FIELDS,
    openObjects: OPEN_OBJECTS,
  })
}

/** Throws AppError E_CONFIG_INVALID without an address. */
export function elasticsearchConfig(config: Config): ElasticsearchConfig {
  const { url, username, passwordFile, caFile, prefix } = config.elasticsearch
  if (url === undefined) throw new AppError('E_CONFIG_INVALID', 'elasticsearch.url is not set')
  const password = readSecret(passwordFile, 'elasticsearch.password_file')
  const ca = readSecret(caFile, 'elasticsearch.ca_file')
  return {
    url,
    prefix,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  }
}

export function openLocalStore(config: Config, logger: Logger, readOnly = false): SqliteSearchStore {
  return createSqliteSearchStore({
    directory: join(config.dataDir, 'store'),
    fields: DOCUMENT_FIELDS,
    readOnly,
    maxPartBytes: config.store.partBytes,
    onCorrupt: reportCorrupt(logger),
  })
}

export function redisConfig(config: Config): RedisConfig {
  const { url, passwordFile, prefix } = config.redis
  const address = new URL(url ?? '')
  const password = readSecret(passwordFile, 'redis.password_file')
  if (password !== undefined) address.password = encodeURIComponent(password)
  return { url: address.href, prefix }
}

function reportCorrupt(logger: Logger): (found: unknown) => void {
  return (found) => logger.error({ found }, 'A damaged file was set aside; the rest works on')
}
