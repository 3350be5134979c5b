/** What a collector's source is: something that can say what it sees, and emits events with a checkpoint. */
import type { Batch } from '../batch/batch.ts'
import type { SourceName } from './event.ts'
import type { Checkpoint } from './queue.ts'

/** What one source can and cannot see on this host, for `doctor` and for health events. */
export interface Visibility {
  source: string
  sees: string[]
  /** What is neither seen nor blind, such as that nothing runs. */
  notes?: string[]
  /** Each with the reason and the way to mend it. */
  blind: { what: string; why: string; fix: string }[]
}

/** What must be captured: rules ∪ keep policy ∪ what the process tree needs. Pushed into the kernel. */
export interface CapturePlan {
  version: string
  /** Falco event names, such as `openat`; sorted, distinct. */
  eventTypes: string[]
  /** `containers` still passes host execs: that is where an escape lands. */
  scope: 'all' | 'containers'
  /** Whether some rule reads the environment of processes; otherwise it never leaves the kernel. */
  environment: boolean
  /** What else some rule or output reads; left alone otherwise, because it costs. Sorted, distinct; none by default. */
  wants?: readonly CaptureWant[]
  /** Host names that some rule compares the ends of a connection with; sorted, distinct. */
  domains?: readonly string[]
}

/**
 * `accounts`: home and shell of users. `cgroups`: paths of a process's cgroups. `data`: what is sent and received.
 * `descriptors`: open descriptors of a process. `pidns`: when its pid namespace began. `resources`: memory, faults, threads.
 */
export type CaptureWant = 'accounts' | 'cgroups' | 'data' | 'descriptors' | 'pidns' | 'resources'

/** Events of one source on their way to the queue; the collector turns them into sealed batches. */
export interface Emission {
  source: SourceName
  batch: Batch
  at?: Checkpoint
  /** No later row of this source is older (ms). */
  lowMs: number
  /** Lost since the last emission, by reason. */
  dropped?: Record<string, number>
}

export interface Sink {
  /** Resolves when durable. False: nothing was taken; slow down, or drop and count. */
  emit(emission: Emission): Promise<boolean>
}

export interface Source {
  readonly name: string
  probe(): Promise<Visibility>
  start(sink: Sink, from: Checkpoint | null, plan: CapturePlan): Promise<void>
  replan(plan: CapturePlan): Promise<void>
  stop(deadlineMs: number): Promise<void>
}
