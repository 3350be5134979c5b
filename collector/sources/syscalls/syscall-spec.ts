/** What is said of one system call: its numbers, and which argument is what. */
import type { TableName } from '../../../core/batch/schema.ts'

/** Which argument: 1 to 6, or the return value. */
export type Place = 1 | 2 | 3 | 4 | 5 | 6 | 'return'

/**
 * What a cgroup may use before it must leave room for others; one budget each. `named` and `flood` are those of calls that
 * are captured only by name.
 */
export const BUDGETS = ['process', 'file', 'network', 'call', 'connection', 'named', 'flood'] as const
export type Budget = (typeof BUDGETS)[number]

export interface SyscallSpec {
  /** 64-bit x86 number. */
  x64?: number
  /** Numbers of `int 0x80` calls; older variants with 16-bit ids mean the same. */
  ia32?: readonly number[]
  arm64?: number
  /** io_uring opcodes. */
  uring?: readonly number[]
  table: TableName
  budget: Budget
  /** Travels in the ring that a flood of file calls cannot fill. */
  processRing?: boolean
  /** First and second string: a path in `file` and `exec` rows, any text in `call` rows. */
  text0?: Place
  text1?: Place
  /** Directory descriptors of the two; `none` when the text is not a path to resolve. */
  dir0?: Place | 'none'
  dir1?: Place | 'none'
  /** Descriptor to describe: path and inode, or the two ends of a socket. */
  fd?: Place
  /** The descriptor is not looked up: it is gone when the call returns, or is not what the call is about. */
  isNumberOnly?: boolean
  /** Socket address; its length is the next argument. `message` says it lies in a struct msghdr. */
  address?: Place
  message?: boolean
  flags?: Place
  mode?: Place
  uid?: Place
  gid?: Place
  size?: Place
  /** Data that is sent or received; with `message`, the struct msghdr whose first part it is. */
  data?: Place
  /** `data` is a list of struct iovec. */
  inParts?: boolean
  /** The third argument is a struct open_how. */
  openHow?: boolean
  /** `path` is the directory in which the process is afterwards. */
  path?: 'cwd' | 'root'
}
