/** What is wrong with a capture file, and where. Thrown by everything that decodes one; told with the file's name above. */
export class Damage extends Error {
  /** Byte in the capture; of a compressed file, in what it unpacks to. */
  readonly offset: number

  constructor(offset: number, what: string) {
    super(what)
    this.name = 'Damage'
    this.offset = offset
  }
}
