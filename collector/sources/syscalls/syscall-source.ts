/**
 * System calls of this host as a Source: loads the kernel programs, keeps their tables equal to the capture plan, and
 * emits what the addon's drain thread built. Losses travel with the next emission; nothing is lost silently.
 */
import { readlinkSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { AppError } from '../../../core/model/errors.ts'
import type { Checkpoint } from '../../../core/model/queue.ts'
import type { CapturePlan, Sink, Source, Visibility } from '../../../core/model/source.ts'
import { type CaptureStats, loadAddon, type NativeObject, type NativeOptions, type NativeSession } from './addon.ts'
import { findCgroupHierarchy } from './cgroup-hierarchy.ts'
import { ChunkPump } from './chunk-pump.ts'
import { BUDGETS, type Budget } from './syscall-spec.ts'
import { encodeCallTable } from './syscall-table.ts'
import { describeVisibility, explainFailure } from './visibility.ts'

export interface SyscallSourceOptions {
  /** Memory for events of processes, cgroups and connections; a power of two from 64 KiB. Default 4 MiB. */
  processRingBytes?: number
  /** Memory for all other events; a power of two. Default 16 MiB. */
  bulkRingBytes?: number
  /** Chunks that may wait for the sink before draining stops. Default 4. */
  outstandingMax?: number
  /** Longest time an event waits in a ring. Default 20. */
  tickMs?: number
  /** Events per second and burst of one cgroup that it may use even while a ring is crowded. 0 means no bound. */
  budgets?: Partial<Record<Budget, { perSecond: number; burst: number }>>
  /** Further processes not to report calls of, as seen from our own pid namespace; at most 7. */
  excludedPids?: readonly number[]
  /** Told of each object that did not load, and of failures of the sink. */
  onWarning?: (message: string, error?: unknown) => void
}

const DEFAULT_BUDGETS: Record<Budget, { perSecond: number; burst: number }> = {
  process: { perSecond: 2_000, burst: 4_000 },
  file: { perSecond: 20_000, burst: 20_000 },
  network: { perSecond: 10_000, burst: 10_000 },
  call: { perSecond: 10_000, burst: 10_000 },
  connection: { perSecond: 5_000, burst: 5_000 },
  named: { perSecond: 10_000, burst: 10_000 },
  flood: { perSecond: 10_000, burst: 10_000 },
}

export type CgroupVerdict = 'container' | 'host' | 'forget'
const VERDICT_CODES: Record<CgroupVerdict, number> = { forget: 0, container: 1, host: 2 }

export class SyscallSource implements Source {
  readonly name = 'syscall'
  private readonly options: SyscallSourceOptions
  private session: NativeSession | null = null
  private pump: ChunkPump | null = null
  private lastStats: CaptureStats | null = null

  constructor(options: SyscallSourceOptions = {}) {
    this.options = options
  }

  /** Really loads every object, without attaching any, and throws it away. */
  async probe(): Promise<Visibility> {
    const loaded = loadAddon()
    return describeVisibility(loaded, loaded.addon === null ? null : await loaded.addon.probe())
  }

  /** Live calls have no checkpoint; `from` is not looked at. Throws AppError E_CAPTURE_UNAVAILABLE or E_CONFIG_INVALID. */
  async start(sink: Sink, _from: Checkpoint | null, plan: CapturePlan): Promise<void> {
    if (this.session !== null) throw new AppError('E_CAPTURE_FAILED', 'System calls are already being captured')
    const loaded = loadAddon()
    if (loaded.addon === null) throw new AppError('E_CAPTURE_UNAVAILABLE', `No capture addon: ${loaded.reason}`)
    const warn = this.options.onWarning ?? (() => {})
    const pump = new ChunkPump({
      sink,
      release: () => this.session?.release(),
      onError: (error) => warn('A batch of system calls could not be handed on', error),
    })
    const opened = loaded.addon.openCapture(this.nativeOptions(plan), (chunk) => pump.push(chunk))
    if (opened.errno !== undefined) {
      const probe = await loaded.addon.probe()
      const { why, fix } = explainFailure({ name: 'process', ...opened }, probe)
      throw new AppError('E_CAPTURE_UNAVAILABLE', `System calls cannot be captured: ${why}; ${fix}`)
    }
    this.session = opened.session
    this.pump = pump
    for (const object of opened.missing) warn(describeMissing(object))
  }

  /** Takes effect for the next call that any process makes. */
  async replan(plan: CapturePlan): Promise<void> {
    this.session?.setCalls(callTable(plan), plan.scope === 'containers', plan.environment)
  }

  async stop(deadlineMs: number): Promise<void> {
    const session = this.session
    if (session === null) return
    this.lastStats = session.stats()
    session.close()
    // The last chunk comes through the event loop, behind those already queued.
    await new Promise((resolve) => setImmediate(resolve))
    this.session = null
    await this.pump?.drain(deadlineMs)
    this.pump = null
  }

  /**
   * What the scope `containers` leaves out: calls of cgroups judged `host`. A cgroup that nobody has judged passes, so
   * that a new container loses nothing. `cgroupId` is the inode number of its directory.
   */
  setCgroupVerdict(cgroupId: number, verdict: CgroupVerdict): void {
    const errno = this.session?.setVerdict(cgroupId, VERDICT_CODES[verdict]) ?? 0
    if (errno !== 0) this.options.onWarning?.(`Cgroup ${cgroupId} could not be filtered: ${getSystemErrorName(-errno)}`)
  }

  /** Counters since the start; after a stop, as they were then. Null before the first start. */
  stats(): CaptureStats | null {
    return this.session?.stats() ?? this.lastStats
  }

  /** Writes every event from now on into a file of at most `maxBytes`, readable by its owner only. */
  startRecording(path: string, maxBytes: number): void {
    this.checkRecording(this.session?.startRecording(path, maxBytes), `record to ${path}`)
  }

  /** Writes what names containers into the recording; told to `onWarning` where there is no room. */
  recordFacts(facts: Uint8Array): void {
    const errno = this.session?.recordFacts(facts) ?? EBADF
    if (errno !== 0)
      this.options.onWarning?.(`Facts about containers could not be recorded: ${getSystemErrorName(-errno)}`)
  }

  stopRecording(): void {
    this.checkRecording(this.session?.stopRecording(), 'finish the recording')
  }

  private checkRecording(errno: number | undefined, what: string): void {
    if (errno === undefined) throw new AppError('E_CAPTURE_FAILED', `Cannot ${what}: nothing is being captured`)
    if (errno !== 0) throw new AppError('E_CAPTURE_FAILED', `Cannot ${what}: ${getSystemErrorName(-errno)}`)
  }

  private nativeOptions(plan: CapturePlan): NativeOptions {
    const { budgets, excludedPids = [] } = this.options
    const pidNs = ownPidNamespace()
    return {
      calls: callTable(plan),
      processRingBytes: checkRingBytes(this.options.processRingBytes ?? 4 * 1024 * 1024),
      bulkRingBytes: checkRingBytes(this.options.bulkRingBytes ?? 16 * 1024 * 1024),
      outstandingMax: this.options.outstandingMax ?? 4,
      tickMs: this.options.tickMs ?? 20,
      cgroupV1: findCgroupHierarchy().version === 1,
      containersOnly: plan.scope === 'containers',
      environment: plan.environment,
      excluded: [process.pid, ...excludedPids].map((vpid) => ({ pidNs, vpid })),
      budgets: BUDGETS.map((name) => budgets?.[name] ?? DEFAULT_BUDGETS[name]),
    }
  }
}

function callTable(plan: CapturePlan): Uint8Array {
  return encodeCallTable(plan.eventTypes, plan.wants?.includes('data'))
}

const EBADF = 9
const RING_BYTES_MIN = 64 * 1024
const RING_BYTES_MAX = 1024 * 1024 * 1024

/** The kernel takes powers of two only; one event can have 20 KiB. */
function checkRingBytes(bytes: number): number {
  const isPowerOfTwo = Number.isInteger(bytes) && bytes > 0 && (bytes & (bytes - 1)) === 0
  if (isPowerOfTwo && bytes >= RING_BYTES_MIN && bytes <= RING_BYTES_MAX) return bytes
  const bounds = `a power of two from ${RING_BYTES_MIN} to ${RING_BYTES_MAX}`
  throw new AppError('E_CONFIG_INVALID', `A capture ring has ${bytes} bytes; it must be ${bounds}`)
}

function describeMissing(object: NativeObject): string {
  return `Not captured on this kernel: ${object.reason} (${getSystemErrorName(-object.errno)})`
}

function ownPidNamespace(): number {
  const inode = /\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]
  return Number(inode ?? 0)
}
