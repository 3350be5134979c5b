/**
 * Names of users and groups as seen where the process runs: from the container's own /etc/passwd and /etc/group, read
 * through its root without ever leaving it, or from the host's. Files inside a container come from attackers: they are
 * read bounded, and what does not parse is left out.
 */
import { AppError } from '../../core/model/errors.ts'
import { Serial } from '../../core/runtime/serial.ts'

const MAX_FILE_BYTES = 256 * 1024
const MAX_ENTRIES = 10_000
const FRESH_MS = 60_000
/** The file is read again for a number without a name, at most this often. */
const UNKNOWN_MS = 1_000
/** After a failure (no such file, process gone) the next attempt waits this long. */
const RETRY_MS = 5_000
const MAX_PATH_CHARS = 1_024
const MAX_SCOPES = 20_000

/** Reads a regular file inside the root of a process; rejects with AppError E_CONTAINER_PATH. */
export type ReadInRoot = (pid: number, path: string, maxBytes: number) => Promise<Uint8Array>

interface Names {
  users: Map<number, string>
  accounts: ReadonlyMap<number, Account>
  groups: Map<number, string>
  readAtMs: number
  failed: boolean
}

const HOST = ''

export interface Account {
  home: string
  shell: string
}

export class UserNames {
  private readonly scopes = new Map<string, Names>()
  private readonly reading = new Map<string, Promise<void>>()
  /** Readings that failed in a way nobody foresaw. */
  failures = 0
  private readonly readings = new Serial()
  private readonly readInRoot: ReadInRoot
  private readonly nowMs: () => number

  constructor(options: { readInRoot: ReadInRoot; nowMs?: () => number }) {
    this.readInRoot = options.readInRoot
    this.nowMs = options.nowMs ?? Date.now
  }

  /**
   * Whether names of this container (null: the host) should be read before `uid` is asked for. A number without a name
   * may be a user made a moment ago.
   */
  isStale(containerId: string | null, uid: number | undefined): boolean {
    const names = this.scopes.get(containerId ?? HOST)
    if (names === undefined) return true
    const isUnknown = uid !== undefined && uid !== 0 && !names.users.has(uid)
    const freshMs = names.failed ? RETRY_MS : isUnknown ? UNKNOWN_MS : FRESH_MS
    return this.nowMs() - names.readAtMs > freshMs
  }

  /** Whether waiting for a reading is of no use: there is a name for the number, or the files cannot be read. */
  isSettled(containerId: string | null, uid: number | undefined): boolean {
    const names = this.scopes.get(containerId ?? HOST)
    return names !== undefined && (names.failed || uid === undefined || uid === 0 || names.users.has(uid))
  }

  /** Reads the names where process `pid` lives. Never rejects: without files there are no names. */
  refresh(containerId: string | null, pid: number): Promise<void> {
    const scope = containerId ?? HOST
    const running = this.reading.get(scope)
    if (running !== undefined) return running
    // One at a time: a file system inside a container that hangs must not take all of the pool's threads.
    const reading = this.readings.run(() => this.read(scope, pid)).finally(() => this.reading.delete(scope))
    this.reading.set(scope, reading)
    return reading
  }

  userName(containerId: string | null, uid: number | undefined): string | undefined {
    if (uid === undefined) return undefined
    // Number 0 is root by the kernel's own rules, whatever a passwd file says or lacks.
    return this.scopes.get(containerId ?? HOST)?.users.get(uid) ?? (uid === 0 ? 'root' : undefined)
  }

  groupName(containerId: string | null, gid: number | undefined): string | undefined {
    if (gid === undefined) return undefined
    return this.scopes.get(containerId ?? HOST)?.groups.get(gid) ?? (gid === 0 ? 'root' : undefined)
  }

  /** Home and shell as the passwd file has them. */
  account(containerId: string | null, uid: number | undefined): Account | undefined {
    return uid === undefined ? undefined : this.scopes.get(containerId ?? HOST)?.accounts.get(uid)
  }

  private async read(scope: string, pid: number): Promise<void> {
    const [passwd, group] = await Promise.all([this.readText(pid, '/etc/passwd'), this.readText(pid, '/etc/group')])
    const before = this.scopes.get(scope)
    const names: Names = {
      users: passwd === null ? (before?.users ?? new Map()) : parseNames(passwd),
      accounts: passwd === null ? (before?.accounts ?? new Map()) : parseAccounts(passwd),
      groups: group === null ? (before?.groups ?? new Map()) : parseNames(group),
      readAtMs: this.nowMs(),
      failed: passwd === null,
    }
    this.scopes.set(scope, names)
    if (this.scopes.size > MAX_SCOPES) this.scopes.delete(this.scopes.keys().next().value!)
  }

  private async readText(pid: number, path: string): Promise<string | null> {
    let bytes: Uint8Array
    try {
      bytes = await this.readInRoot(pid, path, MAX_FILE_BYTES)
    } catch (error) {
      if (!(error instanceof AppError)) this.failures++
      return null
    }
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
}

/** Number → name of the lines `name:…:number:…`; the first of several names for a number counts, as for getpwuid. */
export function parseNames(text: string): Map<number, string> {
  const names = new Map<number, string>()
  for (const line of text.split('\n')) {
    if (names.size >= MAX_ENTRIES) break
    const [name = '', , number = ''] = line.split(':', 3)
    if (name === '' || !/^\d{1,10}$/.test(number) || names.has(Number(number))) continue
    names.set(Number(number), name.slice(0, 256))
  }
  return names
}

/** Number → the end of the lines `name:…:number:…:…:home:shell`; the first of several lines for a number counts. */
export function parseAccounts(text: string): Map<number, Account> {
  const accounts = new Map<number, Account>()
  for (const line of text.split('\n')) {
    if (accounts.size >= MAX_ENTRIES) break
    const [name = '', , number = '', , , home, shell] = line.split(':', 7)
    if (name === '' || !/^\d{1,10}$/.test(number) || accounts.has(Number(number))) continue
    if (home !== undefined && shell !== undefined) {
      accounts.set(Number(number), { home: home.slice(0, MAX_PATH_CHARS), shell: shell.slice(0, MAX_PATH_CHARS) })
    }
  }
  return accounts
}
