/** Addresses as a capture's events and lists carry them. */
export interface End {
  ip: string
  port: number
}

export interface SocketAddress {
  family: number
  end?: End
  path?: string
}

/** Source and destination as the packet would have them. */
export interface SocketTuple {
  family: number
  source?: End
  destination?: End
  path?: string
}

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10

export function ipv4Text(bytes: Buffer): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
}

/** RFC 5952: the longest run of zero groups as `::`; IPv4 in IPv6 as such. */
export function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${ipv4Text(bytes.subarray(12))}`
  }
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  if (best.start < 0) return text(groups)
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`
}

/** Undefined for families that are not read, and where bytes are missing. */
export function readAddress(bytes: Buffer | undefined): SocketAddress | undefined {
  const family = bytes?.[0]
  if (bytes === undefined || family === undefined) return undefined
  if (family === AF_UNIX) return { family, path: pathAt(bytes, 1) }
  if (family === AF_INET && bytes.length >= 7) return { family, end: endAt(bytes, 1, 4) }
  if (family === AF_INET6 && bytes.length >= 19) return { family, end: endAt(bytes, 1, 16) }
  return undefined
}

/** Undefined for families that are not read, and where bytes are missing. */
export function readTuple(bytes: Buffer | undefined): SocketTuple | undefined {
  const family = bytes?.[0]
  if (bytes === undefined || family === undefined) return undefined
  if (family === AF_UNIX && bytes.length >= 17) return { family, path: pathAt(bytes, 17) }
  if (family === AF_INET && bytes.length >= 13)
    return { family, source: endAt(bytes, 1, 4), destination: endAt(bytes, 7, 4) }
  if (family === AF_INET6 && bytes.length >= 37)
    return { family, source: endAt(bytes, 1, 16), destination: endAt(bytes, 19, 16) }
  return undefined
}

function endAt(bytes: Buffer, at: number, length: 4 | 16): End {
  const address = bytes.subarray(at, at + length)
  return { ip: length === 4 ? ipv4Text(address) : ipv6Text(address), port: bytes.readUInt16LE(at + length) }
}

function pathAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('latin1', at, end < 0 ? bytes.length : end)
}
