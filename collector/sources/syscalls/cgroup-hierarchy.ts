/** Which cgroup hierarchy names containers on this host; kernel and host part must mean the same one. */
import { readFileSync } from 'node:fs'

export interface CgroupHierarchy {
  /** 1: the memory hierarchy of cgroup v1 (hybrid hosts too); 2: the unified one. */
  version: 1 | 2
  /** Where it is mounted; a directory's inode number below it is the cgroup's id. Null when it is not mounted here. */
  mountPoint: string | null
}

/**
 * Engines with the v1 driver do not always make their cgroups in the unified hierarchy as well, so v1's memory
 * hierarchy counts where there is one. `mountInfo` is the text of /proc/self/mountinfo (proc(5)).
 */
export function findCgroupHierarchy(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupHierarchy {
  let unified: string | null = null
  for (const line of mountInfo.split('\n')) {
    const [before, after] = line.split(' - ')
    const mountPoint = before?.split(' ')[4]
    const [type, , options] = after?.split(' ') ?? []
    if (mountPoint === undefined) continue
    if (type === 'cgroup' && options?.split(',').includes('memory')) return { version: 1, mountPoint }
    if (type === 'cgroup2') unified ??= mountPoint
  }
  return { version: 2, mountPoint: unified }
}
