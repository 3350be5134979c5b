/**
 * What the sockets behind some inode numbers are, from the tables in /proc/PID/net: their kind and the connection or
 * path they are named by. Tables are read up to a bound; a socket behind it keeps its number as its name.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface ProcSocket {
  type: 'ipv4' | 'ipv6' | 'unix'
  /** `client:port->server:port`, `address:port` of a socket that listens, or a path. */
  name: string
}

const MAX_TABLE_BYTES = 1024 * 1024
const LISTENS = '0A'

/** By inode. Only inodes asked for are in the answer. */
export function socketsOf(netDirectory: string, inodes: ReadonlySet<string>): Map<string, ProcSocket> {
  const found = new Map<string, ProcSocket>()
  for (const [table, type] of INTERNET_TABLES) {
    if (found.size === inodes.size) break
    addInternet(found, inodes, type, read(join(netDirectory, table)))
  }
  if (found.size < inodes.size) addUnix(found, inodes, read(join(netDirectory, 'unix')))
  return found
}

const INTERNET_TABLES = [
  ['tcp', 'ipv4'],
  ['tcp6', 'ipv6'],
  ['udp', 'ipv4'],
  ['udp6', 'ipv6'],
] as const

function addInternet(
  found: Map<string, ProcSocket>,
  inodes: ReadonlySet<string>,
  type: 'ipv4' | 'ipv6',
  text: string,
): void {
  const lines = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
  const listening = new Set(lines.filter((parts) => parts[3] === LISTENS).map((parts) => portOf(parts[1]!)))
  for (const [, local = '', remote = '', state, , , , , , inode = ''] of lines) {
    if (!inodes.has(inode)) continue
    const own = endOf(local)
    if (state === LISTENS) found.set(inode, { type, name: own })
    // Whoever connected chose no port that something listens on.
    else if (listening.has(portOf(local))) found.set(inode, { type, name: `${endOf(remote)}->${own}` })
    else found.set(inode, { type, name: `${own}->${endOf(remote)}` })
  }
}

const portOf = (end: string) => end.slice(end.indexOf(':') + 1)

/** `0100007F:1F90`: an address in words of the machine's byte order, and a port. */
export function endOf(end: string): string {
  const hex = end.slice(0, end.indexOf(':'))
  const bytes: number[] = []
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 3; byte >= 0; byte--)
      bytes.push(Number.parseInt(hex.slice(word + 2 * byte, word + 2 * byte + 2), 16))
  }
  return `${addressText(bytes)}:${Number.parseInt(portOf(end), 16)}`
}

function addressText(bytes: readonly number[]): string {
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  return shortened(groups)
}

/** RFC 5952: the longest run of two or more zeros becomes `::`, the first of several. */
function shortened(groups: readonly string[]): string {
  let best = { at: -1, length: 1 }
  for (let at = 0; at < groups.length; at++) {
    let length = 0
    while (groups[at + length] === '0') length++
    if (length > best.length) best = { at, length }
  }
  if (best.at < 0) return groups.join(':')
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`
}

function addUnix(found: Map<string, ProcSocket>, inodes: ReadonlySet<string>, text: string): void {
  const told = new Set<string>()
  for (const line of text.split('\n')) {
    const [, inode = '', path = ''] =
      /^[0-9a-f]{16}: [0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{4} [0-9A-F]{2} +(\d+)(?: (.*))?$/.exec(line) ?? []
    if (!inodes.has(inode)) continue
    // A path may hold a line of its own making: what is told twice is not known.
    if (told.has(inode)) found.set(inode, { type: 'unix', name: '' })
    else found.set(inode, { type: 'unix', name: path })
    told.add(inode)
  }
}

function read(path: string): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const bytes = Buffer.alloc(MAX_TABLE_BYTES)
    let length = 0
    while (length < bytes.length) {
      const got = readSync(file, bytes, length, bytes.length - length, null)
      if (got === 0) break
      length += got
    }
    // A line that is cut names another socket.
    const end = length === bytes.length ? bytes.lastIndexOf(0x0a) : length
    return bytes.toString('latin1', 0, Math.max(0, end))
  } catch {
    return ''
  } finally {
    closeSync(file)
  }
}
