/** The addresses of the captured machine: what an unbound socket sends from. */
import type { Block } from './blocks.ts'
import { ByteReader } from './byte-reader.ts'
import { Damage } from './damage.ts'
import { ipv4Text } from './sockets.ts'

const WITH_LENGTH = 0x219
/** Kinds of entries: bytes of an address, and whether a link speed follows. */
const KINDS = new Map([
  [1, { addressBytes: 4, speedBytes: 8 }],
  [2, { addressBytes: 16, speedBytes: 8 }],
  [3, { addressBytes: 4, speedBytes: 0 }],
  [4, { addressBytes: 16, speedBytes: 0 }],
])
const PADDING_BYTES = 3
const LOOPBACK = 127

interface Ipv4Interface {
  address: number
  mask: number
  ip: string
}

export class Interfaces {
  private ipv4: Ipv4Interface[] = []

  clear(): void {
    this.ipv4 = []
  }

  /** Throws Damage. */
  read({ type, content, offset }: Block): void {
    const reader = new ByteReader(content, offset + 8)
    while (reader.left > PADDING_BYTES) this.readEntry(type === WITH_LENGTH ? reader.part(reader.u32()) : reader)
  }

  /** The address from which an unbound socket reaches another: in the same network, else any but the loopback's. */
  sourceFor(ip: string): string | undefined {
    const target = numberOf(ip)
    if (target === undefined) return undefined
    const near = this.ipv4.find(({ address, mask }) => (address & mask) === (target & mask))
    return (near ?? this.ipv4.find(({ address }) => address >>> 24 !== LOOPBACK))?.ip
  }

  private readEntry(reader: ByteReader): void {
    const number = reader.u16()
    const kind = KINDS.get(number)
    if (kind === undefined) throw new Damage(reader.position - 2, `an interface of unknown type ${number}`)
    const nameBytes = reader.u16()
    const address = reader.slice(kind.addressBytes)
    const mask = reader.slice(kind.addressBytes)
    reader.skip(kind.addressBytes + kind.speedBytes + nameBytes)
    if (kind.addressBytes !== 4) return
    this.ipv4.push({ address: address.readInt32BE(0), mask: mask.readInt32BE(0), ip: ipv4Text(address) })
  }
}

function numberOf(ip: string): number | undefined {
  const parts = ip.split('.').map(Number)
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined
  return (parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!
}
