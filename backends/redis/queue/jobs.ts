/** The jobs of one topic. A job has the name of the group of items that it is about, which scripts.ts stores. */
import { randomUUID } from 'node:crypto'
import { Queue as Jobs } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Topic } from '../../../core/model/queue.ts'

export interface JobData {
  /** How many the group held when the job was made; some may be finished already. */
  items: number
  /** Another item of an earlier delivery may have been to blame: it is tried by itself. */
  alone?: boolean
}

export interface TopicJobs {
  /** Beginning of the key of every job. */
  readonly keyPrefix: string
  /** Changes nothing where the group has a job. Of a group that was left without one, how many it holds is not known. */
  add(group: string, items?: number): Promise<void>
  /** For groups of one item each. */
  addAlone(groups: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** BullMQ writes one entry per step of a job for whoever listens; nobody does here. Its scripts read this from Redis. */
const MAX_JOB_EVENTS = 16

/** Such a job is delivered by itself. */
const UNKNOWN_ITEMS = Number.MAX_SAFE_INTEGER

/** BullMQ's names of queues have no colon. */
export function jobsName(topic: Topic): string {
  return encodeURIComponent(topic)
}

export function newGroupName(): string {
  return randomUUID()
}

export function openJobs(
  topic: Topic,
  connection: Redis,
  prefix: string,
  onError: (error: unknown) => void,
): TopicJobs {
  let jobs: Jobs<JobData> | null = null

  function opened(): Jobs<JobData> {
    if (jobs !== null) return jobs
    jobs = new Jobs<JobData>(jobsName(topic), {
      connection,
      prefix,
      streams: { events: { maxLen: MAX_JOB_EVENTS } },
    })
    jobs.on('error', onError)
    return jobs
  }

  /** One that was made while Redis was away may never recover: after a failure the next use makes another. */
  async function use(work: (jobs: Jobs<JobData>) => Promise<unknown>): Promise<void> {
    const used = opened()
    try {
      await work(used)
    } catch (error) {
      if (jobs === used) jobs = null
      used.close().catch(onError)
      throw error
    }
  }

  // How often an item is tried is the consumer's decision, by the kind of failure.
  const options = {
    attempts: Number.MAX_SAFE_INTEGER,
    backoff: { type: 'custom' },
    removeOnComplete: true,
    removeOnFail: true,
    stackTraceLimit: 0,
  }
  return {
    keyPrefix: `${prefix}:${jobsName(topic)}:`,
    async add(group, items = UNKNOWN_ITEMS) {
      await use((all) => all.add('items', { items }, { ...options, jobId: group }))
    },
    async addAlone(groups) {
      const data = { items: 1, alone: true }
      const each = groups.map((group) => ({ name: 'items', data, opts: { ...options, jobId: group } }))
      await use((all) => all.addBulk(each))
    },
    close: async () => void (await jobs?.close()),
  }
}
