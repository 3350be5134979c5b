/**
 * A small file of nothing that keeps some disk free: marking items done has to write before it can free space, so on a
 * disk that is completely full a queue could never be emptied. Giving the reserve up lets it.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { SQLITE, sqliteCode } from '../database.ts'

/** At least what the log holds between checkpoints, so that one checkpoint always fits into it. */
const RESERVE_BYTES = 2 * 1024 * 1024
/** A full disk is not asked again at every commit. */
const RETRY_MS = 1_000

export interface Reserve {
  /** Puts the reserve back when it is missing and there is room; never throws. */
  restore(): void
  /**
   * When `error` says that the disk is full: gives the reserve up for `makeRoom` and takes it back. True when room was
   * made, reserve included; then the failed work is worth another try.
   */
  rescue(error: unknown, makeRoom: () => void): boolean
  /** Gives it up when `error` says that the disk is full; work that frees space may then go on. */
  release(error: unknown): void
}

export function createReserve(path: string): Reserve {
  let held = false
  let restoredMs = Number.NEGATIVE_INFINITY
  let rescuedMs = Number.NEGATIVE_INFINITY

  function restore(): void {
    restoredMs = performance.now()
    held = statSync(path, { throwIfNoEntry: false })?.size === RESERVE_BYTES || tryWrite(path)
  }

  function release(error: unknown): void {
    if (!isDiskFull(error)) return
    held = false
    restoredMs = performance.now()
    rmSync(path, { force: true })
  }

  return {
    restore() {
      if (!held && performance.now() - restoredMs >= RETRY_MS) restore()
    },
    rescue(error, makeRoom) {
      if (!isDiskFull(error) || performance.now() - rescuedMs < RETRY_MS) return false
      rescuedMs = performance.now()
      release(error)
      makeRoom()
      restore()
      return held
    },
    release,
  }
}

function isDiskFull(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE.FULL || code === SQLITE.IOERR
}

/** Written for real: a sparse file would hold nothing back. */
function tryWrite(path: string): boolean {
  try {
    const file = openSync(path, 'w', 0o600)
    try {
      const block = Buffer.alloc(64 * 1024, 1)
      for (let done = 0; done < RESERVE_BYTES; done += block.length) writeSync(file, block)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    return true
  } catch {
    rmSync(path, { force: true })
    return false
  }
}
