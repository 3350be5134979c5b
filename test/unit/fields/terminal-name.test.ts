import { expect, test } from 'vitest'
import { terminalName } from '../../../core/fields/terminal-name.ts'

test.each([
  [34816, 'pts/0'],
  [34817, 'pts/1'],
  // Major 136, minor 300: the minor's upper bits stand above the major.
  [0x100000 | (136 << 8) | 44, 'pts/300'],
  [1025, 'tty1'],
  [1088, 'ttyS0'],
  [1281, 'console'],
  [(229 << 8) | 3, 'hvc3'],
  [(204 << 8) | 64, 'char 204:64'],
])('device %i is %s', (device, name) => {
  expect(terminalName(device)).toBe(name)
})
