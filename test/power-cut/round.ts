/** What the host and the machine whose power is cut say to each other: one round is one boot. */

/**
 * Writers that number their records, each by itself. Those of one store share it, so that their offers share commits.
 * What `careless` writes is never synced: it shows that a cut takes what was not.
 */
export const WRITERS = ['spool-1', 'spool-2', 'redis-1', 'redis-2', 'careless'] as const
export type Writer = (typeof WRITERS)[number]

/** Handed to the machine on its kernel's command line. */
export interface Round {
  /** Numbers that were acknowledged in the round before, both included; null where there were none. */
  expected: Record<Writer, readonly [number, number] | null>
  /** The first number of this round. */
  first: number
}

/** Said by the machine, one line of its console each. */
export type Said =
  /** What became of the expected numbers; nothing is written before. */
  | { kind: 'checked'; writer: Writer; missing: number[]; damaged: number[]; isCheckpointed: boolean }
  /** On disk, as far as the store knows. */
  | { kind: 'acknowledged'; writer: Writer; number: number }
  | { kind: 'failed'; reason: string }

const MARK = '@seamark '

export function lineOf(said: Said): string {
  return `${MARK}${JSON.stringify(said)}\n`
}

/** Null for what is not ours, and for a line that the cut or the kernel's messages tore. */
export function saidIn(line: string): Said | null {
  const from = line.indexOf(MARK)
  if (from === -1) return null
  try {
    return JSON.parse(line.slice(from + MARK.length)) as Said
  } catch {
    return null
  }
}

export function commandLineOf(round: Round): string {
  return `round=${Buffer.from(JSON.stringify(round)).toString('base64url')}`
}

export function roundIn(commandLine: string): Round {
  const found = /round=(\S+)/.exec(commandLine)?.[1]
  if (found === undefined) throw new Error('no round on the command line')
  return JSON.parse(Buffer.from(found, 'base64url').toString('utf8')) as Round
}
