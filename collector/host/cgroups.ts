/**
 * Which container a cgroup belongs to, by cgroup id: filled by the kernel's own announcements, by a scan at start, and,
 * for what both missed, by the cgroup file of a process that lives there. Ids are never taken from namespaces, whose
 * numbers are recycled.
 */
import type { Dirent } from 'node:fs'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Batch, readNumber, readText } from '../../core/batch/batch.ts'
import { type ContainerName, containersOfCgroupPath } from './cgroup-path.ts'

const MAX_CGROUPS = 100_000
const MAX_SCANNED_DIRECTORIES = 50_000
const REMOVED = 3

/** Containers along the cgroup's path, nearest first; empty for the host's own. */
export type CgroupOwners = readonly ContainerName[]

const NONE: CgroupOwners = []

export class Cgroups {
  private readonly owners = new Map<number, CgroupOwners>()
  private readonly procRoot: string
  private readonly cgroupRoot: string | null

  /** `cgroupRoot` is where the hierarchy is mounted whose ids the kernel programs report; null when it is not. */
  constructor(options: { procRoot?: string; cgroupRoot: string | null }) {
    this.procRoot = options.procRoot ?? '/proc'
    this.cgroupRoot = options.cgroupRoot
  }

  /** Takes the announcements that came with a raw batch. */
  apply(batch: Batch): void {
    const table = batch.tables.cgroups
    if (table === undefined) return
    for (let row = 0; row < table.rowCount; row++) {
      const id = readNumber(table, row, 'cgroupId')
      if (id === undefined) continue
      const path = readText(batch, table, row, 'cgroupPath')
      // A removed cgroup's id is not reused before long; late events may still carry it.
      if (readNumber(table, row, 'cgroupChange') === REMOVED || path === undefined) continue
      this.remember(id, containersOfCgroupPath(path))
    }
  }

  /** Owners of a cgroup; where it is unknown, asks the kernel what cgroups `pid` is in and remembers the answer. */
  ownersOf(id: number, pid: number): CgroupOwners {
    const known = this.owners.get(id)
    if (known !== undefined) return known
    const owners = this.ownersOfProcess(pid)
    if (owners === null) return NONE
    this.remember(id, owners)
    return owners
  }

  /** Whether the owners of a cgroup were learnt, rather than taken to be nobody. */
  knows(id: number): boolean {
    return this.owners.has(id)
  }

  /** All cgroups known to belong to a container. */
  owned(): { id: number; owners: CgroupOwners }[] {
    return [...this.owners].filter(([, owners]) => owners.length > 0).map(([id, owners]) => ({ id, owners }))
  }

  /** Owners by /proc/PID/cgroup; null when the process is gone. */
  ownersOfProcess(pid: number): CgroupOwners | null {
    let text: string
    try {
      text = readFileSync(join(this.procRoot, String(pid), 'cgroup'), 'latin1')
    } catch {
      return null
    }
    let best: CgroupOwners = NONE
    for (const line of text.split('\n')) {
      const owners = containersOfCgroupPath(line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1))
      if (owners.length > best.length) best = owners
    }
    return best
  }

  /**
   * Finds the cgroups that are there already, the host's own too: a directory's inode number is the cgroup's id in its
   * hierarchy.
   */
  scan(): void {
    if (this.cgroupRoot === null) return
    let budget = MAX_SCANNED_DIRECTORIES
    const visit = (directory: string, path: string) => {
      const id = statSync(directory, { throwIfNoEntry: false })?.ino
      if (id !== undefined && !this.owners.has(id)) this.remember(id, containersOfCgroupPath(path))
      for (const entry of directoriesIn(directory)) {
        if (budget-- > 0) visit(join(directory, entry), `${path}/${entry}`)
      }
    }
    visit(this.cgroupRoot, '')
  }

  /** What is known of a cgroup from elsewhere; the oldest is forgotten when there are too many. */
  remember(id: number, owners: CgroupOwners): void {
    this.owners.delete(id)
    this.owners.set(id, owners)
    if (this.owners.size > MAX_CGROUPS) {
      const oldest = this.owners.keys().next().value
      if (oldest !== undefined) this.owners.delete(oldest)
    }
  }
}

function directoriesIn(directory: string): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch {
    return []
  }
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}
