/**
 * Reads a file inside the root of another process without ever leaving it: links are resolved by the kernel below that
 * root (openat2 with RESOLVE_IN_ROOT), only regular files are read, without blocking, bounded in bytes and time.
 * Source: openat2(2).
 */
import { getSystemErrorName } from 'node:util'
import { AppError } from '../../../core/model/errors.ts'
import { loadAddon } from './addon.ts'

const TIMEOUT_MS = 500

/** Rejects with AppError E_CONTAINER_PATH: no such file, not a regular one, too large, too slow, or no addon. */
export async function readInRoot(pid: number, path: string, maxBytes: number): Promise<Uint8Array> {
  const { addon, ...rest } = loadAddon()
  if (addon === null) throw new AppError('E_CONTAINER_PATH', 'reason' in rest ? rest.reason : 'no capture addon')
  const { errno, bytes, isCut } = await addon.readInRoot(`/proc/${pid}/root`, path, maxBytes, TIMEOUT_MS)
  if (errno !== 0) throw new AppError('E_CONTAINER_PATH', `${path} in process ${pid}: ${getSystemErrorName(-errno)}`)
  if (bytes === undefined || isCut === true)
    throw new AppError('E_CONTAINER_PATH', `${path} in process ${pid} is too large`)
  return bytes
}
