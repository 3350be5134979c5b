/**
 * For hosts on which only containers are watched: tells the kernel which cgroups are the host's, so that their calls end
 * there. A cgroup nobody has judged passes, and so do execs of the host: a new container loses nothing, and an escape
 * still shows.
 */
import { type Batch, readNumber } from '../../core/batch/batch.ts'
import type { Cgroups } from './cgroups.ts'
import type { Containers } from './containers.ts'

const REMOVED = 3
/** Once there are more, judging begins afresh; verdicts in the kernel stay. */
const MAX_JUDGED = 100_000

export type SetVerdict = (cgroupId: number, verdict: 'host' | 'container' | 'forget') => void

export interface CgroupScopeOptions {
  cgroups: Cgroups
  containers: Containers
  setVerdict: SetVerdict
}

export class CgroupScope {
  private readonly options: CgroupScopeOptions
  private readonly judged = new Set<number>()

  constructor(options: CgroupScopeOptions) {
    this.options = options
  }

  /** Judges the cgroups of a raw batch that are known well enough; call it after the batch's containers were resolved. */
  judge(batch: Batch): void {
    const { cgroups, containers, setVerdict } = this.options
    const processes = batch.tables.process
    for (let row = 0; row < (processes?.rowCount ?? 0); row++) {
      const id = readNumber(processes!, row, 'cgroupId')
      if (id === undefined || this.judged.has(id)) continue
      const owners = cgroups.ownersOf(id, readNumber(processes!, row, 'pid') ?? 0)
      if (!cgroups.knows(id) || containers.isUnresolved(owners)) continue
      if (this.judged.size >= MAX_JUDGED) this.judged.clear()
      this.judged.add(id)
      setVerdict(id, containers.choose(owners) === null ? 'host' : 'container')
    }
    this.forgetRemoved(batch)
  }

  private forgetRemoved(batch: Batch): void {
    const table = batch.tables.cgroups
    for (let row = 0; row < (table?.rowCount ?? 0); row++) {
      const id = readNumber(table!, row, 'cgroupId')
      if (id === undefined || readNumber(table!, row, 'cgroupChange') !== REMOVED) continue
      if (this.judged.delete(id)) this.options.setVerdict(id, 'forget')
    }
  }
}
