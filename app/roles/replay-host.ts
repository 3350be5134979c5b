/** Names processes from a recording alone: nothing of the machine it is replayed on may leak into it. */
import { Cgroups } from '../../collector/host/cgroups.ts'
import { Containers } from '../../collector/host/containers.ts'
import { Host } from '../../collector/host/host.ts'
import { ProcessTree } from '../../collector/host/process-tree.ts'
import { UserNames } from '../../collector/host/user-names.ts'
import { AppError } from '../../core/model/errors.ts'

/** A path that exists nowhere, so that neither /proc nor cgroups of this machine are read. */
const NOWHERE = '/proc/self/fdinfo/nowhere'

export function buildReplayHost(): Host {
  const containers = new Containers({ inspect: async () => 'unreachable' })
  const cgroups = new Cgroups({ procRoot: NOWHERE, cgroupRoot: null })
  const tree = new ProcessTree({
    procRoot: NOWHERE,
    containerOf: (cgroupId, pid) => containers.choose(cgroups.ownersOf(cgroupId, pid))?.id ?? null,
    containerOfProcess: () => null,
    hostMntNs: undefined,
  })
  const users = new UserNames({
    readInRoot: async () => {
      throw new AppError('E_CONTAINER_PATH', 'a recording holds no files')
    },
  })
  return new Host({ tree, cgroups, containers, users, bootOffsetNs: 0 })
}
