/**
 * Finds and loads the capture addon, and gives it types. Nothing is loaded at import; where no addon can be loaded the
 * reason is a value, because everything but system calls works without it.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nativeSourcesDigest } from '../../../native/sources-digest.ts'

/** Lost since the chunk before, by reason. */
export interface Losses {
  /** The ring of processes, cgroups and connections had no room. */
  processRing: number
  /** The ring of everything else had no room. */
  bulkRing: number
  /** A cgroup was above its budget while a ring was crowded. */
  overBudget: number
  /** Sequence numbers that never came: the ring losses again, counted by the reader. */
  gaps: number
  /** Events of an unknown version or kind, or whose lengths do not fit. */
  unusable: number
}

export interface NativeChunk {
  /** A batch body for `openBody`; may be transferred. */
  body: ArrayBuffer
  /** Event rows in it. */
  rows: number
  /** No later row is older; ms since the Unix epoch. */
  lowMs: number
  losses: Losses
}

export interface CaptureStats {
  /** Events that the kernel programs made, those lost in a full ring included. */
  sent: number
  rows: number
  /** Rows whose time was moved up to the `lowMs` of an earlier chunk. */
  late: number
  unknownVersion: number
  unknownKind: number
  malformed: number
  chunks: number
  outstanding: number
  /** Ticks in which the consumer held all chunks, so that nothing was drained. */
  stalledTicks: number
  ringBytes: number
  /** io_uring requests reported when they were submitted, with result 0, because there was no room to await more. */
  untracked: number
  recordedBytes: number
  /** Events that a recording had no room for. */
  recordingCut: number
  /** Totals since the start. */
  losses: Losses
}

export interface NativeOptions {
  calls: Uint8Array
  /** Powers of two, at least a page. */
  processRingBytes?: number
  bulkRingBytes?: number
  /** Chunks that JavaScript may hold before draining stops. */
  outstandingMax?: number
  tickMs?: number
  heartbeatMs?: number
  /** Containers are named by the v1 memory hierarchy on this host. */
  cgroupV1?: boolean
  containersOnly?: boolean
  environment?: boolean
  /** Processes not to report calls of, by pid namespace inode and pid in it; at most 8. */
  excluded?: { pidNs: number; vpid: number }[]
  /** Per class in the order of BUDGETS; `perSecond` 0 means no bound. */
  budgets?: { perSecond: number; burst: number }[]
}

export interface NativeSession {
  /** Takes back one chunk. Each chunk must be released once. */
  release(): void
  setCalls(calls: Uint8Array, containersOnly: boolean, environment: boolean): boolean
  /** 0 forget, 1 container, 2 host; gives an errno. */
  setVerdict(cgroupId: number, verdict: number): number
  stats(): CaptureStats | null
  /** Give an errno. */
  startRecording(path: string, maxBytes: number): number
  /** Writes bytes that the reader gives back between the chunks; at most 64 MiB. */
  recordFacts(facts: Uint8Array): number
  stopRecording(): number
  /** Ends the thread after a last drain, whose chunk is still delivered. Safe twice. */
  close(): void
}

/** `reason` names the hooks. */
export interface NativeObject {
  name: string
  reason: string
  errno: number
  /** From a probe: the end of what the verifier said, for a report. */
  log?: string
}

export interface NativeFailure {
  errno: number
  reason: string
}

export interface NativeProbe {
  release: string
  hasBtf: boolean
  hasCapabilities: boolean
  objects: NativeObject[]
}

/** A chunk of a recording. */
export interface RecordedChunk extends NativeChunk {
  /** Wall clock minus boot clock where and when it was made, ns; absent where the recording does not tell. */
  bootOffsetNs?: number
}

export interface NativeReader {
  next(): RecordedChunk | { facts: ArrayBuffer; offset: number } | { corruption: string; offset: number } | null
}

export interface NativeAddon {
  eventVersion: number
  callTableBytes: number
  probe(): Promise<NativeProbe>
  openCapture(
    options: NativeOptions,
    onChunk: (chunk: NativeChunk) => void,
  ): { session: NativeSession; missing: NativeObject[]; errno?: undefined } | NativeFailure
  openRecording(path: string): NativeReader | NativeFailure
  readInRoot(
    rootPath: string,
    path: string,
    maxBytes: number,
    timeoutMs: number,
  ): Promise<{ errno: number; bytes?: Buffer; isCut?: boolean }>
}

export type LoadedAddon = { addon: NativeAddon; path: string } | { addon: null; reason: string }

let loaded: LoadedAddon | null = null

/** The prebuilt addon if it was made from these sources, else one built here. The answer is remembered. */
export function loadAddon(): LoadedAddon {
  loaded ??= findAddon()
  return loaded
}

function findAddon(): LoadedAddon {
  if (process.platform !== 'linux') return { addon: null, reason: `this is ${process.platform}, not Linux` }
  const require = createRequire(import.meta.url)
  const reasons: string[] = []
  const prebuilt = `native/prebuilt/linux-${process.arch}`
  const candidates = [
    ...(isFresh(prebuilt) ? [`${prebuilt}/seamark.node`] : []),
    'native/build/seamark.node',
    // A stale one still speaks the same language if its versions agree, which is checked below.
    `${prebuilt}/seamark.node`,
  ]
  for (const candidate of candidates) {
    const path = repositoryPath(candidate)
    try {
      const addon = require(path) as NativeAddon
      if (addon.eventVersion === EVENT_VERSION) return { addon, path }
      reasons.push(`${candidate} was built from other sources`)
    } catch (error) {
      reasons.push(`${candidate}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return { addon: null, reason: reasons.join('; ') }
}

/** EVENT_VERSION of native/bpf/event.h; a test holds them together. */
export const EVENT_VERSION = 1

function isFresh(folder: string): boolean {
  try {
    const recorded = readFileSync(repositoryPath(`${folder}/SOURCES.sha256`), 'utf8').trim()
    return recorded === nativeSourcesDigest()
  } catch {
    return false
  }
}

function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}
