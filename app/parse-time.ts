/** Lengths of time as people write them on the command line. */
import { AppError } from '../core/model/errors.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30m` in ms. Throws AppError E_USAGE that names the option, for anything else and for more than `most`. */
export function parseTime(option: string, text: string, most: string): number {
  const ms = lengthOf(text)
  if (ms > 0 && ms <= lengthOf(most)) return ms
  throw new AppError('E_USAGE', `--${option} takes a time such as 30m, 2h or 1d, at most ${most}, not '${text}'`)
}

function lengthOf(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  return number === undefined ? Number.NaN : Number(number) * UNITS[unit!]!
}
