import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inBlocks, parseBlock } from '../../../core/fields/ip-address.ts'

const ipv4 = fc.oneof(fc.ipV4(), fc.constantFrom('0.0.0.0', '255.255.255.255', '127.0.0.1', '10.0.0.1'))

test('an IPv4 address is in a block exactly when the runtime says so', () => {
  fc.assert(
    fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (address, network, bits) => {
      const list = new BlockList()
      list.addSubnet(network, bits, 'ipv4')
      expect(inBlocks(address, [parseBlock(`${network}/${bits}`)!])).toBe(list.check(address, 'ipv4'))
    }),
    { numRuns: 2000 },
  )
})

test('an IPv4 address is in the IPv6 blocks that cover mapped addresses', () => {
  expect(inBlocks('10.1.2.3', [parseBlock('::/0')!])).toBe(true)
  expect(inBlocks('10.1.2.3', [parseBlock('::ffff:0:0/96')!])).toBe(true)
  expect(inBlocks('10.1.2.3', [parseBlock('::ffff:10.0.0.0/104')!])).toBe(true)
  expect(inBlocks('11.1.2.3', [parseBlock('::ffff:10.0.0.0/104')!])).toBe(false)
  expect(inBlocks('10.1.2.3', [parseBlock('2001:db8::/32')!])).toBe(false)
})

test('text that is no address is in no block, not even in the one that holds all', () => {
  const all = [parseBlock('::/0')!]
  const almost = fc.stringMatching(/^[0-9.]{1,18}$/)
  fc.assert(
    fc.property(fc.oneof(almost, fc.string()), (text) => {
      const isAddress = isIP(text) !== 0 && !text.includes('%')
      expect(inBlocks(text, all)).toBe(isAddress && (isIPv4(text) || isIPv6(text)))
    }),
    { numRuns: 5000 },
  )
  for (const text of ['01.2.3.4', '1.2.3', '1.2.3.4.', '1..2.3', '256.1.1.1', '1.2.3.4.5', '']) {
    expect(inBlocks(text, all)).toBe(false)
  }
})
