/** Names of users and groups, from a capture's list and the events that change it. */
import type { Block } from './blocks.ts'
import { ByteReader } from './byte-reader.ts'

const WITH_LENGTH = 0x220
const GROUP = 1
const USER = 0
const MAX_NAME_BYTES = 1023
const PADDING_BYTES = 3

export class Users {
  readonly users = new Map<number, string>()
  readonly accounts = new Map<number, { home: string; shell: string }>()
  readonly groups = new Map<number, string>()

  clear(): void {
    this.users.clear()
    this.accounts.clear()
    this.groups.clear()
  }

  /** Throws Damage. */
  read({ type, content, offset }: Block): void {
    const reader = new ByteReader(content, offset + 8)
    while (reader.left > PADDING_BYTES) {
      // The length counts itself.
      this.readEntry(type === WITH_LENGTH ? reader.part(Math.max(0, reader.u32() - 4)) : reader)
    }
  }

  private readEntry(reader: ByteReader): void {
    const kind = reader.u8()
    const id = reader.u32()
    if (kind === USER) {
      reader.skip(4)
      this.users.set(id, reader.text(MAX_NAME_BYTES, "a user's name"))
      const home = reader.text(MAX_NAME_BYTES, 'a home directory')
      this.accounts.set(id, { home, shell: reader.text(MAX_NAME_BYTES, 'a shell') })
    } else if (kind === GROUP) {
      this.groups.set(id, reader.text(MAX_NAME_BYTES, "a group's name"))
    }
  }
}
