/** Names processes from a recording alone: nothing of the machine it is replayed on may leak into it. */
import { Cgroups } from '../../collector/host/cgroups.ts'
import { Containers } from '../../collector/host/containers.ts'
import { Host } from '../../collector/host/host.ts'
import { ProcessTree } from '../../collector/host/process-tree.ts'
import type { RecordedFacts } from '../../collector/host/recorded-facts.ts'
import { UserNames } from '../../collector/host/user-names.ts'
import { readRecording } from '../../collector/sources/syscalls/recording.ts'
import { readNumber } from '../../core/batch/batch.ts'
import { AppError } from '../../core/model/errors.ts'

/** A path that exists nowhere, so that neither /proc nor cgroups of this machine are read. */
const NOWHERE = '/proc/self/fdinfo/nowhere'

export interface RecordingSurvey {
  /** The mount namespace that most processes share which are in no container's cgroup; undefined when there are none. */
  hostMntNs: number | undefined
  facts: RecordedFacts[]
}

/** What must be known of a recording before its first event is judged. A damaged one is read as far as it goes. */
export function surveyRecording(path: string): RecordingSurvey {
  const cgroups = new Cgroups({ procRoot: NOWHERE, cgroupRoot: null })
  const counts = new Map<number, number>()
  const facts: RecordedFacts[] = []
  const recording = readRecording(path, (more) => {
    facts.push(more)
    for (const { id, owners } of more.cgroups) cgroups.remember(id, owners)
  })
  try {
    for (const { batch } of recording) {
      cgroups.apply(batch)
      const processes = batch.tables.process
      for (let row = 0; row < (processes?.rowCount ?? 0); row++) {
        const mntNs = readNumber(processes!, row, 'mntNs')
        const isHost = cgroups.ownersOf(readNumber(processes!, row, 'cgroupId') ?? 0, 0).length === 0
        if (mntNs !== undefined && isHost) counts.set(mntNs, (counts.get(mntNs) ?? 0) + 1)
      }
    }
  } catch (error) {
    // Told by who reads it for its events, once those before the damage were judged.
    if (!(error instanceof AppError) || error.code !== 'E_RECORDING_CORRUPT') throw error
  }
  return { hostMntNs: [...counts].sort((a, b) => b[1] - a[1])[0]?.[0], facts }
}

/** Knows no offset between clocks: each batch is joined with the one that `readRecording` gives with it. */
export function buildReplayHost({ hostMntNs, facts }: RecordingSurvey): Host {
  const containers = new Containers({ inspect: async () => 'unreachable' })
  const cgroups = new Cgroups({ procRoot: NOWHERE, cgroupRoot: null })
  for (const known of facts) {
    for (const container of known.containers) containers.learn(container)
    for (const { id, owners } of known.cgroups) cgroups.remember(id, owners)
  }
  const tree = new ProcessTree({
    procRoot: NOWHERE,
    containerOf: (cgroupId, pid) => containers.choose(cgroups.ownersOf(cgroupId, pid))?.id ?? null,
    containerOfProcess: () => null,
    hostMntNs,
  })
  const users = new UserNames({
    readInRoot: async () => {
      throw new AppError('E_CONTAINER_PATH', 'a recording holds no files')
    },
  })
  return new Host({ tree, cgroups, containers, users })
}
