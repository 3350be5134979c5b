/** What a descriptor is, as a capture's list of descriptors says it or as the calls that made it did. */
import type { Block } from './blocks.ts'
import { ByteReader } from './byte-reader.ts'
import { type End, ipv4Text, ipv6Text } from './sockets.ts'

/** Changed in place by the calls on it; copies of a descriptor (dup, fork) have their own. */
export interface Descriptor {
  /** Falco's character: f file, d directory, 4 and 6 internet, u unix, p pipe … */
  type: string
  /** Absolute path, or a unix socket's. */
  name?: string
  /** The path as the call had it. */
  rawName?: string
  inode?: number
  device?: number
  /** Address family: 1 unix, 2 and 10 internet. */
  family?: number
  /** Of IP. */
  protocol?: number
  local?: End
  remote?: End
  role?: 'client' | 'server'
}

const CHARACTERS = new Map([
  [1, 'f'],
  [2, 'd'],
  [3, '4'],
  [4, '6'],
  [5, '4'],
  [6, '6'],
  [7, 'p'],
  [8, 'u'],
  [9, 'e'],
  [11, 's'],
  [12, 'l'],
  [13, 'i'],
  [14, 't'],
  [15, 'n'],
  [16, 'f'],
  [17, 'b'],
  [18, 'r'],
  [19, 'r'],
  [20, 'm'],
  [21, 'P'],
])
/** The transport as captures number it → IP's own number. */
const PROTOCOLS = new Map([
  [2, 6],
  [3, 17],
  [4, 1],
  [5, 255],
])
const WITH_LENGTH = 0x218
const MAX_PATH_BYTES = 1023
const PADDING_BYTES = 3

/** Calls back with the thread and each of its descriptors. Throws Damage. */
export function readDescriptorList(
  { type, content, offset }: Block,
  onDescriptor: (tid: number, fd: number, descriptor: Descriptor) => void,
): void {
  const reader = new ByteReader(content, offset + 8)
  const tid = reader.i64()
  while (reader.left > PADDING_BYTES) {
    // The length counts itself.
    const entry = type === WITH_LENGTH ? reader.part(Math.max(0, reader.u32() - 4)) : reader
    const fd = entry.i64()
    const inode = entry.u64()
    const kind = entry.u8()
    onDescriptor(tid, fd, { type: CHARACTERS.get(kind) ?? 'o', inode, ...readKind(entry, kind) })
  }
}

function readKind(reader: ByteReader, kind: number): Partial<Descriptor> {
  const name = () => reader.text(MAX_PATH_BYTES, "a descriptor's name")
  switch (kind) {
    case 0:
      return {}
    case 3:
    case 4: {
      const address = kind === 3 ? () => ipv4Text(reader.slice(4)) : () => ipv6Text(reader.slice(16))
      const localIp = address()
      const remoteIp = address()
      const local = { ip: localIp, port: reader.u16() }
      const remote = { ip: remoteIp, port: reader.u16() }
      return { ...transport(kind === 3 ? 2 : 10, reader.u8()), local, remote }
    }
    case 5:
    case 6: {
      const ip = kind === 5 ? ipv4Text(reader.slice(4)) : ipv6Text(reader.slice(16))
      const local = { ip, port: reader.u16() }
      return { ...transport(kind === 5 ? 2 : 10, reader.u8()), local, role: 'server' }
    }
    case 8:
      reader.skip(16)
      return { family: 1, name: name() }
    case 16: {
      reader.skip(4)
      const found: Partial<Descriptor> = { name: name() }
      if (reader.left >= 4 && reader.left < 16) found.device = reader.u32()
      return found
    }
    default:
      return { name: name() }
  }
}

function transport(family: number, number: number): Partial<Descriptor> {
  const protocol = PROTOCOLS.get(number)
  return protocol === undefined ? { family } : { family, protocol }
}
