/** Names processes from a recording alone: nothing of the machine it is replayed on may leak into it. */
import { Cgroups } from '../../collector/host/cgroups.ts'
import { Containers } from '../../collector/host/containers.ts'
import { Host } from '../../collector/host/host.ts'
import { ProcessTree } from '../../collector/host/process-tree.ts'
import { UserNames } from '../../collector/host/user-names.ts'
import { readNumber } from '../../core/batch/batch.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Emission } from '../../core/model/source.ts'

/** A path that exists nowhere, so that neither /proc nor cgroups of this machine are read. */
const NOWHERE = '/proc/self/fdinfo/nowhere'

/** `hostMntNs`: the host's mount namespace in the recording, from `hostMntNsOf`. */
export function buildReplayHost(hostMntNs?: number): Host {
  const containers = new Containers({ inspect: async () => 'unreachable' })
  const cgroups = new Cgroups({ procRoot: NOWHERE, cgroupRoot: null })
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
  return new Host({ tree, cgroups, containers, users, bootOffsetNs: 0 })
}

/** Processes looked at to find the host's mount namespace. */
const MAX_LOOKED_AT = 10_000

/**
 * The mount namespace that most processes share which are in no container's cgroup. Undefined when there are none: then
 * no process is taken for the runtime's.
 */
export function hostMntNsOf(recording: Iterable<Emission>): number | undefined {
  const cgroups = new Cgroups({ procRoot: NOWHERE, cgroupRoot: null })
  const counts = new Map<number, number>()
  let lookedAt = 0
  for (const { batch } of recording) {
    cgroups.apply(batch)
    const processes = batch.tables.process
    for (let row = 0; row < (processes?.rowCount ?? 0); row++) {
      const mntNs = readNumber(processes!, row, 'mntNs')
      const isHost = cgroups.ownersOf(readNumber(processes!, row, 'cgroupId') ?? 0, 0).length === 0
      if (mntNs !== undefined && isHost) counts.set(mntNs, (counts.get(mntNs) ?? 0) + 1)
    }
    lookedAt += processes?.rowCount ?? 0
    if (lookedAt >= MAX_LOOKED_AT) break
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}
