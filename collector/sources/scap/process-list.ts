/** The list of processes that a capture begins with: nine versions of an entry, each a little longer than the one before. */
import type { Block } from './blocks.ts'
import { ByteReader } from './byte-reader.ts'
import { Damage } from './damage.ts'

/** Strings are byte strings; what an older version does not have is undefined. */
export interface ListedThread {
  tid: number
  pid: number
  ptid: number
  sid?: number
  vpgid?: number
  pgid?: number
  comm: string
  exe: string
  exePath?: string
  /** Arguments after the first, a NUL after each. */
  args: string
  env?: string
  cwd: string
  uid: number
  gid: number
  vtid?: number
  vpid?: number
  /** `subsystem=path`, a NUL after each. */
  cgroups?: string
  tty?: number
  fdLimit: number
  vmSizeKb?: number
  vmRssKb?: number
  vmSwapKb?: number
  majorFaults?: number
  minorFaults?: number
  loginUid?: number
  isExeWritable?: boolean
  isUpperLayer?: boolean
  isLowerLayer?: boolean
  isFromMemfd?: boolean
  capInheritable?: number
  capPermitted?: number
  capEffective?: number
  exeInode?: number
  exeCtimeNs?: bigint
  exeMtimeNs?: bigint
}

const VERSIONS = new Map([
  [0x202, 1],
  [0x8000abcd, 1],
  [0x207, 2],
  [0x8013abcd, 2],
  [0x209, 3],
  [0x8014abcd, 3],
  [0x210, 4],
  [0x211, 5],
  [0x212, 6],
  [0x213, 7],
  [0x214, 8],
  [0x215, 9],
])
const MAX_PATH_BYTES = 1024
const MAX_LIST_BYTES = 4096
/** What is left of an entry of version 9 without the two members that were put into its middle later. */
const TAIL_WITHOUT_TTY_BYTES = 29
const PADDING_BYTES = 3

/** Calls back with each entry. Throws Damage. */
export function readProcessList({ type, content, offset }: Block, onThread: (thread: ListedThread) => void): void {
  const version = VERSIONS.get(type)
  if (version === undefined) throw new Damage(offset, `a process list of unknown type 0x${type.toString(16)}`)
  const reader = new ByteReader(content, offset + 8)
  while (reader.left > PADDING_BYTES) {
    if (version < 9) onThread(readEntry(reader, version))
    // The length counts itself.
    else onThread(readEntry(reader.part(Math.max(0, reader.u32() - 4)), version))
  }
}

function readEntry(reader: ByteReader, version: number): ListedThread {
  const path = (what: string) => reader.text(MAX_PATH_BYTES, what)
  const list = (what: string) => reader.text(MAX_LIST_BYTES, what)
  const tid = reader.i64()
  const pid = reader.i64()
  const ptid = reader.i64()
  const sid = version >= 6 ? reader.i64() : undefined
  const vpgid = version >= 8 ? reader.i64() : undefined
  const comm = path('a process name')
  const exe = path('a program name')
  const exePath = version >= 7 ? path('a program path') : undefined
  const args = list('a list of arguments')
  const cwd = path('a directory')
  const fdLimit = reader.i64()
  reader.skip(4)
  const thread: ListedThread = { tid, pid, ptid, comm, exe, args, cwd, fdLimit, uid: reader.u32(), gid: reader.u32() }
  if (sid !== undefined) thread.sid = sid
  if (vpgid !== undefined) thread.vpgid = vpgid
  if (exePath !== undefined) thread.exePath = exePath
  if (version >= 2) {
    thread.vmSizeKb = reader.u32()
    thread.vmRssKb = reader.u32()
    thread.vmSwapKb = reader.u32()
    thread.majorFaults = reader.u64()
    thread.minorFaults = reader.u64()
  }
  if (version >= 3) thread.env = list('an environment')
  if (version >= 4) {
    thread.vtid = reader.i64()
    thread.vpid = reader.i64()
    thread.cgroups = list('a list of cgroups')
  }
  if (version >= 5) path('a root directory')
  if (version >= 9) readTail(reader, thread)
  return thread
}

/** Members of version 9, which a writer may end anywhere. */
function readTail(reader: ByteReader, thread: ListedThread): void {
  if (reader.left > TAIL_WITHOUT_TTY_BYTES) {
    if (reader.left >= 8) reader.skip(8)
    if (reader.left >= 4) thread.tty = reader.u32()
  }
  if (reader.left >= 4) thread.loginUid = reader.u32()
  if (reader.left >= 1) thread.isExeWritable = reader.u8() !== 0
  if (reader.left >= 8) thread.capInheritable = reader.u64()
  if (reader.left >= 8) thread.capPermitted = reader.u64()
  if (reader.left >= 8) thread.capEffective = reader.u64()
  if (reader.left >= 1) thread.isUpperLayer = reader.u8() !== 0
  if (reader.left >= 8) thread.exeInode = reader.u64()
  if (reader.left >= 8) thread.exeCtimeNs = reader.bigU64()
  if (reader.left >= 8) thread.exeMtimeNs = reader.bigU64()
  if (reader.left >= 1) thread.isFromMemfd = reader.u8() !== 0
  if (reader.left >= 1) thread.isLowerLayer = reader.u8() !== 0
  if (reader.left >= 8) thread.pgid = reader.i64()
}
