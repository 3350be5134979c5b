/**
 * One event of a capture: its header and its parameters by name. A call that begins and one that returns are two events
 * in older captures; parameters that the second lacks are then taken from the first.
 */
import type { Block } from './blocks.ts'
import { Damage } from './damage.ts'
import { EVENT_KINDS, type EventKind } from './event-table.ts'

/** Blocks with flags before the event, and blocks whose events say how many parameters they have. */
const WITH_FLAGS: ReadonlySet<number> = new Set([0x208, 0x217, 0x222])
const WITH_COUNT: ReadonlySet<number> = new Set([0x216, 0x217, 0x221, 0x222])
/** Blocks in which lengths of parameters have 32 bits. */
const LARGE: ReadonlySet<number> = new Set([0x221, 0x222])
const EVENT_HEADER_BYTES = 22

export interface EventHeader {
  /** ns since the Unix epoch. */
  timeNs: bigint
  /** The thread; 2⁶⁴-1 for none. */
  tid: number
  code: number
  cpu: number
  /** Where the parameters begin in the block. */
  at: number
}

/** Throws Damage where the block is too short. */
export function readEventHeader({ type, content, offset }: Block): EventHeader {
  const start = WITH_FLAGS.has(type) ? 6 : 2
  const at = start + EVENT_HEADER_BYTES + (WITH_COUNT.has(type) ? 4 : 0)
  if (content.length < at) throw new Damage(offset, `an event of ${content.length} bytes has no room for its header`)
  return {
    timeNs: content.readBigUInt64LE(start),
    tid: Number(content.readBigInt64LE(start + 8)),
    code: content.readUInt16LE(start + 20),
    cpu: content.readUInt16LE(0),
    at,
  }
}

export class ScapEvent {
  readonly kind: EventKind
  private readonly content: Buffer
  private readonly starts: number[]
  /** The same call's beginning; its parameters count where the return has none of the name. */
  private readonly entry: ScapEvent | null

  private constructor(kind: EventKind, content: Buffer, starts: number[], entry: ScapEvent | null) {
    this.kind = kind
    this.content = content
    this.starts = starts
    this.entry = entry
  }

  /** Null for kinds that are not read. Throws Damage where lengths and bytes do not agree. */
  static read(block: Block, header: EventHeader, entry: ScapEvent | null): ScapEvent | null {
    const kind = EVENT_KINDS.get(header.code)
    if (kind === undefined) return null
    const { content } = block
    const sizeBytes = LARGE.has(block.type) ? 4 : 2
    let starts: number[] | null
    if (WITH_COUNT.has(block.type)) {
      const count = content.readUInt32LE(header.at - 4)
      starts = startsOf(content, header.at, count, sizeBytes)
      if (starts === null || starts[count]! > content.length)
        throw new Damage(block.offset, `an event says it has ${count} parameters, which its bytes do not hold`)
    } else {
      starts = guessStarts(block, header, kind.parameters.length)
    }
    const matching = entry !== null && entry.kind.call === kind.call ? entry : null
    return new ScapEvent(kind, content, starts, matching)
  }

  /** Keeps the event beyond its block. */
  kept(): ScapEvent {
    return new ScapEvent(this.kind, Buffer.from(this.content), this.starts, null)
  }

  /** A whole number of whatever width; undefined where the event does not carry it. */
  number(name: string): number | undefined {
    const bytes = this.bytes(name)
    if (bytes === undefined) return undefined
    switch (bytes.length) {
      case 1:
        return bytes[0]
      case 2:
        return bytes.readUInt16LE(0)
      case 4:
        return bytes.readUInt32LE(0)
      case 8:
        return Number(bytes.readBigInt64LE(0))
      default:
        return undefined
    }
  }

  /** A time in ns. */
  time(name: string): bigint | undefined {
    const bytes = this.bytes(name)
    return bytes?.length === 8 ? bytes.readBigUInt64LE(0) : undefined
  }

  /** A byte string up to its NUL. */
  text(name: string): string | undefined {
    const bytes = this.bytes(name)
    if (bytes === undefined) return undefined
    const end = bytes.indexOf(0)
    return bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
  }

  /** Undefined where the event and the call's beginning do not carry it, or empty. */
  bytes(name: string): Buffer | undefined {
    const index = this.kind.parameters.indexOf(name)
    if (index >= 0 && index < this.starts.length - 1) {
      const bytes = this.content.subarray(this.starts[index]!, this.starts[index + 1]!)
      if (bytes.length > 0) return bytes
    }
    return this.entry?.bytes(name)
  }
}

/** Where each of `count` parameters begins and the last one ends; null where even their lengths are not there. */
function startsOf(content: Buffer, at: number, count: number, sizeBytes: number): number[] | null {
  let position = at + count * sizeBytes
  if (position > content.length) return null
  const starts = [position]
  for (let i = 0; i < count; i++) {
    const from = at + i * sizeBytes
    position += sizeBytes === 4 ? content.readUInt32LE(from) : content.readUInt16LE(from)
    starts.push(position)
  }
  return starts
}

/** Older events do not say how many parameters they have: the largest number with which the lengths come out even. */
function guessStarts(block: Block, header: EventHeader, most: number): number[] {
  const { content } = block
  const end = header.at - EVENT_HEADER_BYTES + content.readUInt32LE(header.at - 6)
  for (let count = most; count >= 0 && end <= content.length; count--) {
    const starts = startsOf(content, header.at, count, 2)
    if (starts !== null && starts[count] === end) return starts
  }
  throw new Damage(block.offset, `the parameters of an event of kind ${header.code} do not fill its bytes`)
}
