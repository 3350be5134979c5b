/** Addresses in text as numbers, and CIDR blocks to compare them with. */
import { isIPv4, isIPv6 } from 'node:net'

/** 16 bytes as eight groups; an IPv4 address is held in its IPv6-mapped form, so that both compare alike. */
type Groups = readonly number[]

export interface Block {
  readonly groups: Groups
  /** Bits that must agree, 0-128. */
  readonly bits: number
}

const MAPPED: Groups = [0, 0, 0, 0, 0, 0xffff]
const MAX_CACHED = 4096
const cache = new Map<string, Groups | null>()

/** Reads `10.0.0.0/8`, `::1`, `127.0.0.1`; null for anything else. */
export function parseBlock(text: string): Block | null {
  const [address = '', length, ...rest] = text.split('/')
  if (rest.length > 0 || address.includes('%')) return null
  const groups = parseAddress(address)
  if (groups === null) return null
  const width = isIPv4(address) ? 32 : 128
  if (length === undefined) return { groups, bits: 128 }
  if (!/^\d{1,3}$/.test(length) || Number(length) > width) return null
  return { groups, bits: 128 - width + Number(length) }
}

/** Whether an address in text lies in one of the blocks. */
export function inBlocks(address: string, blocks: readonly Block[]): boolean {
  const number = parseIpv4(address)
  if (number >= 0) {
    for (let i = 0; i < blocks.length; i++) if (isWithinIpv4(number, blocks[i]!)) return true
    return false
  }
  const groups = cachedAddress(address)
  return groups !== null && blocks.some((block) => isWithin(groups, block))
}

/** As a number, -1 for anything else; takes what `isIPv4` takes. Most addresses are IPv4: this allocates nothing. */
function parseIpv4(text: string): number {
  let number = 0
  let part = -1
  let parts = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      if (part === 0) return -1
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return -1
    } else if (digit === DOT && part >= 0 && parts < 3) {
      number = number * 256 + part
      part = -1
      parts++
    } else return -1
  }
  return parts === 3 && part >= 0 ? number * 256 + part : -1
}

const DOT = 46 - 48

/** As `isWithin` for an address in its mapped form. */
function isWithinIpv4(address: number, { groups, bits }: Block): boolean {
  for (let i = 0; i * 16 < bits && i < 6; i++) {
    const left = bits - i * 16
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff
    if (((groups[i]! ^ MAPPED[i]!) & mask) !== 0) return false
  }
  if (bits <= 96) return true
  const mask = -1 << (128 - bits)
  return ((address ^ ((groups[6]! << 16) | groups[7]!)) & mask) === 0
}

function isWithin(groups: Groups, block: Block): boolean {
  let left = block.bits
  for (let i = 0; i < 8 && left > 0; i++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff
    if (((groups[i]! ^ block.groups[i]!) & mask) !== 0) return false
  }
  return true
}

/** A stream repeats its IPv6 addresses; the text comes from elsewhere, so the memory of it is bounded. */
function cachedAddress(text: string): Groups | null {
  const known = cache.get(text)
  if (known !== undefined) return known
  const groups = parseAddress(text)
  if (cache.size >= MAX_CACHED) cache.clear()
  cache.set(text, groups)
  return groups
}

function parseAddress(text: string): Groups | null {
  if (isIPv4(text)) {
    const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number]
    return [...MAPPED, (a << 8) | b, (c << 8) | d]
  }
  if (!isIPv6(text) || text.includes('%')) return null
  const [head = '', tail] = text.split('::')
  const left = groupsOf(head)
  if (tail === undefined) return left
  const right = groupsOf(tail)
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number]
    return [(a << 8) | b, (c << 8) | d]
  })
}
