/** Puts a collector together: which sources, who names things for them. The same in every shape. */
import { uptime } from 'node:os'
import { Collector } from '../../collector/collector.ts'
import { createActions } from '../../collector/commands/actions.ts'
import type { CommandAction } from '../../collector/commands/command-runner.ts'
import { Engine } from '../../collector/docker/engine.ts'
import { factsOfContainer } from '../../collector/docker/inspect.ts'
import { CgroupScope } from '../../collector/host/cgroup-scope.ts'
import { Cgroups } from '../../collector/host/cgroups.ts'
import { Containers } from '../../collector/host/containers.ts'
import { DomainNames } from '../../collector/host/domain-names.ts'
import { Host } from '../../collector/host/host.ts'
import { namespaceInode } from '../../collector/host/process-facts.ts'
import { ProcessTree } from '../../collector/host/process-tree.ts'
import { UserNames } from '../../collector/host/user-names.ts'
import { DockerEventsSource } from '../../collector/sources/docker-events/docker-events-source.ts'
import type { CaptureStats } from '../../collector/sources/syscalls/addon.ts'
import { findCgroupHierarchy } from '../../collector/sources/syscalls/cgroup-hierarchy.ts'
import { readInRoot } from '../../collector/sources/syscalls/read-in-root.ts'
import { SyscallSource } from '../../collector/sources/syscalls/syscall-source.ts'
import type { Conditions } from '../../core/health/conditions.ts'
import type { BatchHeader, Envelope } from '../../core/model/batch.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Queue } from '../../core/model/queue.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import type { Source } from '../../core/model/source.ts'
import { createBackground } from '../../core/runtime/background.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import type { Config } from '../config.ts'
import { VERSION } from '../version.ts'

/** The kernel tells its uptime in steps of this size; a process must not seem to start after its first event. */
const UPTIME_STEP_MS = 10

export interface CollectorRoleOptions {
  config: Config
  id: string
  epoch: string
  queue: Queue
  ruleSet: RuleSet
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  stamp?: (header: BatchHeader) => Envelope
}

export interface CollectorRole {
  collector: Collector
  /** What this host does when it is told to, by kind. */
  actions: ReadonlyMap<string, CommandAction>
  /** Brings gauges up to date. */
  measure(): void
}

export function buildCollector(options: CollectorRoleOptions): CollectorRole {
  const { config, conditions, metrics, logger } = options
  const engine = new Engine({ socketPath: config.docker.socket })
  const containers = new Containers({
    inspect: (id) => (config.docker.enabled ? factsOfContainer(engine, id) : Promise.resolve('unreachable')),
  })
  const cgroups = new Cgroups({ cgroupRoot: findCgroupHierarchy().mountPoint })
  const tree = new ProcessTree({
    containerOf: (cgroupId, pid) => containers.choose(cgroups.ownersOf(cgroupId, pid))?.id ?? null,
    containerOfProcess: (pid) => containers.choose(cgroups.ownersOfProcess(pid) ?? [])?.id ?? null,
    hostMntNs: namespaceInode('/proc/1/ns/mnt') ?? namespaceInode('/proc/self/ns/mnt'),
  })
  const users = new UserNames({
    readInRoot: async (pid, path, maxBytes) => (await readInRoot(pid, path, { maxBytes, timeoutMs: 500 })).bytes,
  })
  const domains = new DomainNames()
  const host = new Host({
    tree,
    cgroups,
    containers,
    users,
    domains,
    bootOffsetNs: (Date.now() - uptime() * 1000 - UPTIME_STEP_MS) * 1e6,
  })
  const syscalls = new SyscallSource({
    bulkRingBytes: powerOfTwo(config.capture.ringBytes),
    processRingBytes: powerOfTwo(config.capture.processRingBytes),
    onWarning: (message, error) => logger.warn({ err: error }, message),
  })
  const inBackground = createBackground({ metrics, logger })
  const docker = new DockerEventsSource({
    engine,
    containers,
    inBackground,
    onState: (state, reason) => {
      metrics.set('seamark_source_up', state === 'up' ? 1 : 0, { source: 'docker-events' })
      conditions.set('source.blind', state === 'up' ? null : `Docker events: ${reason}`, 'docker-events')
      if (state === 'down')
        logger.warn({ reason }, 'Docker cannot be reached; its events and container names are missing')
      inBackground('report-health', async () => {
        const kind = state === 'up' ? 'source.up' : 'source.blind'
        const message = state === 'up' ? 'Docker events are read' : `Docker events are blind: ${reason}`
        const isTold = await collector.reportHealth({ kind, message, attributes: { source: 'docker-events' } })
        if (!isTold) throw new AppError('E_QUEUE_FULL', 'The queue did not take a health event', { retryable: true })
      })
    },
  })
  const scope =
    config.capture.scope === 'containers'
      ? new CgroupScope({ cgroups, containers, setVerdict: (id, verdict) => syscalls.setCgroupVerdict(id, verdict) })
      : null
  let hasScanned = false
  const collector: Collector = new Collector({
    collector: options.id,
    epoch: options.epoch,
    queue: options.queue,
    ruleSet: options.ruleSet,
    keepEventTypes: config.store.keep,
    // Docker first: the registry should know the running containers before the first system call is joined.
    sources: [...(config.docker.enabled ? [docker] : []), ...(config.capture.enabled ? [syscalls] : [])],
    join: async (batch, plan) => {
      // Only now, so that the capture was attached before the look around: nothing falls between the two.
      if (!hasScanned) {
        cgroups.scan()
        tree.scan()
        hasScanned = true
      }
      const joined = await host.join(batch, plan)
      scope?.judge(batch)
      return joined
    },
    conditions,
    metrics,
    logger,
    ...(options.stamp === undefined ? {} : { stamp: options.stamp }),
  })
  return {
    collector,
    actions: createActions({
      version: VERSION,
      sources: () => sourcesOf(config),
      rescan: () => {
        cgroups.scan()
        tree.scan()
        return { processes: tree.size, containers: containers.size }
      },
    }),
    measure: () => {
      metrics.set('seamark_collector_processes', tree.size)
      metrics.set('seamark_collector_containers', containers.size)
      metrics.countTo('seamark_collector_evicted_processes_total', tree.evicted)
      for (const reason of ['process', 'container'] as const) {
        metrics.countTo('seamark_collector_unresolved_contexts_total', host.unresolved[reason], { reason })
      }
      metrics.countTo('seamark_background_failures_total', containers.failedInspections, { task: 'inspect-owner' })
      metrics.countTo('seamark_collector_name_read_failures_total', users.failures)
      metrics.countTo('seamark_collector_state_left_out_total', host.stateLeftOut)
      metrics.countTo('seamark_collector_domain_lookup_failures_total', domains.failures)
      const stats = syscalls.stats()
      if (stats !== null) measureCapture(metrics, stats)
    },
  }
}

function measureCapture(metrics: Metrics, stats: CaptureStats): void {
  metrics.countTo('seamark_capture_sent_events_total', stats.sent)
  metrics.countTo('seamark_capture_received_events_total', stats.rows)
  metrics.countTo('seamark_capture_late_events_total', stats.late)
  metrics.countTo('seamark_capture_chunks_total', stats.chunks)
  metrics.countTo('seamark_capture_stalled_ticks_total', stats.stalledTicks)
  const unread = { malformed: stats.malformed, version: stats.unknownVersion, kind: stats.unknownKind }
  for (const [reason, total] of Object.entries(unread)) {
    metrics.countTo('seamark_capture_malformed_records_total', total, { reason })
  }
  metrics.countTo('seamark_capture_untracked_requests_total', stats.untracked)
  metrics.set('seamark_capture_outstanding_chunks', stats.outstanding)
  metrics.set('seamark_capture_ring_bytes', stats.ringBytes)
}

/** The sources a configuration asks for, without starting anything: what `doctor` probes. */
export function sourcesOf(config: Config): Source[] {
  const engine = new Engine({ socketPath: config.docker.socket, timeoutMs: 3_000 })
  const containers = new Containers({ inspect: async () => 'unreachable' })
  return [
    ...(config.capture.enabled ? [new SyscallSource()] : []),
    ...(config.docker.enabled
      ? [new DockerEventsSource({ engine, containers, onState: () => {}, inBackground: () => {} })]
      : []),
  ]
}

/** Rings have sizes of powers of two; the next one up. */
function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes))
}
