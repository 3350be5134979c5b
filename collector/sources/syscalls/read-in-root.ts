/**
 * Reads a file inside a container's root as the container sees it. No link, absolute or magic, leads out of the root;
 * only regular files are opened, so that neither a FIFO nor a device can block or be touched.
 */
import { getSystemErrorName } from 'node:util'
import { AppError } from '../../../core/model/errors.ts'
import { loadAddon } from './addon.ts'

export interface ReadInRootOptions {
  /** At most 64 MiB. Default 1 MiB. */
  maxBytes?: number
  /** Default 2000. */
  timeoutMs?: number
}

/** A file system that hangs holds a thread of the pool, which has four; the others stay free for everyone else. */
const CONCURRENT_MAX = 2
const OPENAT2_MISSING = 116
let running = 0

/**
 * `root` is a process id (its root directory is meant) or a directory. `isCut` says that the file is longer than
 * `maxBytes`. Throws AppError E_CONTAINER_PATH; retryable when the file was exchanged meanwhile, when it took too long
 * or when too many reads were under way.
 */
export async function readInRoot(
  root: number | string,
  path: string,
  options: ReadInRootOptions = {},
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const { maxBytes = 1024 * 1024, timeoutMs = 2000 } = options
  const loaded = loadAddon()
  if (loaded.addon === null) throw refused(path, `no capture addon: ${loaded.reason}`, false)
  if (path.includes('\0')) throw refused(path, 'a path cannot contain NUL', false)
  if (running >= CONCURRENT_MAX) throw refused(path, 'too many reads are under way', true)
  running++
  const directory = typeof root === 'number' ? `/proc/${root}/root` : root
  const reading = loaded.addon.readInRoot(directory, path, maxBytes, timeoutMs).finally(() => running--)
  let timer: NodeJS.Timeout | undefined
  // The addon looks at the clock between two reads only; a read that hangs is left behind.
  const deadline = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs + 100)
  })
  const result = await Promise.race([reading, deadline])
  clearTimeout(timer)
  if (result === null) throw refused(path, 'it took too long', true)
  if (result.errno === OPENAT2_MISSING) throw refused(path, 'this kernel has no openat2 (Linux 5.6)', false)
  if (result.errno !== 0 || result.bytes === undefined) {
    const name = getSystemErrorName(-result.errno)
    throw refused(path, name, name === 'EAGAIN' || name === 'ETIMEDOUT')
  }
  return { bytes: result.bytes, isCut: result.isCut === true }
}

function refused(path: string, why: string, retryable: boolean): AppError {
  return new AppError('E_CONTAINER_PATH', `Cannot read ${JSON.stringify(path)} inside the container: ${why}`, {
    retryable,
  })
}
