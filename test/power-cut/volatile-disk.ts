/**
 * A disk whose cache forgets: what was written since the last flush lies in a volatile cache, and a power cut takes any
 * part of it. Killing a virtual machine alone loses nothing, since its writes are in this kernel's page cache by then;
 * so the machine gets this disk, over a socket, and the cut happens here. Speaks NBD, the fixed newstyle handshake with
 * simple replies, for one client (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md).
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const SECTOR_BYTES = 512
const NBD_MAGIC = Buffer.from('NBDMAGIC')
const OPTION_MAGIC = Buffer.from('IHAVEOPT')
const OPTION_REPLY_MAGIC = 0x3e889045565a9n
const REQUEST_MAGIC = 0x25609513
const REPLY_MAGIC = 0x67446698
/** Fixed newstyle, and no padding. */
const HANDSHAKE_FLAGS = 0b11
/** Takes flushes, and single writes that must be on disk when they are answered. */
const EXPORT_FLAGS = 0b1101
const WRITE_THROUGH = 1
const OPTION = { abort: 2, go: 7 } as const
const OPTION_ANSWER = { acknowledged: 1, info: 3, unsupported: 0x8000_0001 } as const
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const
const EINVAL = 22
/** As long as a disk's, so that cuts fall into flushes and not only between them. */
const FLUSH_MS = 10
const MAX_REQUEST_BYTES = 32 * 1024 * 1024

export interface DiskCut {
  /** Sectors that had been written and not flushed, and how many of them are gone. */
  unflushed: number
  lost: number
}

export class VolatileDisk {
  /** What survives a cut for certain. */
  private readonly platter: Buffer
  private readonly cache = new Map<number, Buffer>()
  private readonly server: Server
  private readonly clients = new Set<Socket>()
  private hasPower = true

  constructor(image: Buffer) {
    if (image.length % SECTOR_BYTES !== 0) throw new RangeError('a disk has whole sectors')
    this.platter = image
    this.server = createServer((socket) => {
      this.clients.add(socket)
      socket.once('close', () => this.clients.delete(socket))
      // A machine that is killed resets its connection.
      socket.on('error', () => {})
      serve(socket, this).catch((error: Error) => socket.destroy(error))
    })
  }

  get sizeBytes(): number {
    return this.platter.length
  }

  /** Takes a client at a socket of this path. */
  async listen(path: string): Promise<void> {
    this.server.listen(path)
    await once(this.server, 'listening')
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  /**
   * Takes the power at this instant: nothing is answered any more, and each sector of the cache is lost with the given
   * probability, by itself, as drives write their cache back in an order of their own.
   */
  cut(lossProbability: number, random: () => number): DiskCut {
    this.hasPower = false
    for (const client of this.clients) client.destroy()
    const unflushed = this.cache.size
    let lost = 0
    for (const [sector, bytes] of this.cache) {
      if (random() < lossProbability) lost += 1
      else bytes.copy(this.platter, sector * SECTOR_BYTES)
    }
    this.cache.clear()
    return { unflushed, lost }
  }

  powerOn(): void {
    this.hasPower = true
  }

  /** False when the power is gone: then nothing was done, and nobody must be answered. */
  write(offset: number, bytes: Buffer, isThrough: boolean): boolean {
    if (!this.hasPower) return false
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      const sector = (offset + at) / SECTOR_BYTES
      const content = bytes.subarray(at, at + SECTOR_BYTES)
      if (isThrough) {
        content.copy(this.platter, offset + at)
        this.cache.delete(sector)
      } else this.cache.set(sector, Buffer.from(content))
    }
    return true
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.from(this.platter.subarray(offset, offset + length))
    for (let at = 0; at < length; at += SECTOR_BYTES) this.cache.get((offset + at) / SECTOR_BYTES)?.copy(bytes, at)
    return bytes
  }

  /** False when the power is gone. */
  flush(): boolean {
    if (!this.hasPower) return false
    for (const [sector, bytes] of this.cache) bytes.copy(this.platter, sector * SECTOR_BYTES)
    this.cache.clear()
    return true
  }
}

async function serve(socket: Socket, disk: VolatileDisk): Promise<void> {
  const input = new ByteReader(socket)
  socket.write(Buffer.concat([NBD_MAGIC, OPTION_MAGIC, uint16(HANDSHAKE_FLAGS)]))
  await input.take(4)
  while (!(await negotiate(socket, input, disk))) {
    // The next option.
  }
  while (await answer(socket, input, disk)) {
    // The next request.
  }
  socket.end()
}

/** One option of the handshake; true when requests follow. */
async function negotiate(socket: Socket, input: ByteReader, disk: VolatileDisk): Promise<boolean> {
  const head = await input.take(16)
  if (!head.subarray(0, 8).equals(OPTION_MAGIC)) throw new Error('not an NBD client')
  const option = head.readUInt32BE(8)
  await input.take(head.readUInt32BE(12))
  const reply = (kind: number, data: Buffer) =>
    socket.write(Buffer.concat([uint64(OPTION_REPLY_MAGIC), uint32(option), uint32(kind), uint32(data.length), data]))
  if (option === OPTION.go) {
    const aboutExport = 0
    reply(
      OPTION_ANSWER.info,
      Buffer.concat([uint16(aboutExport), uint64(BigInt(disk.sizeBytes)), uint16(EXPORT_FLAGS)]),
    )
    reply(OPTION_ANSWER.acknowledged, Buffer.alloc(0))
    return true
  }
  if (option === OPTION.abort) throw new Error('the client changed its mind')
  reply(OPTION_ANSWER.unsupported, Buffer.alloc(0))
  return false
}

/** One request; false when the client is done or the power is gone. */
async function answer(socket: Socket, input: ByteReader, disk: VolatileDisk): Promise<boolean> {
  const head = await input.take(28)
  if (head.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error('not an NBD request')
  const flags = head.readUInt16BE(4)
  const command = head.readUInt16BE(6)
  const cookie = head.subarray(8, 16)
  const offset = Number(head.readBigUInt64BE(16))
  const length = head.readUInt32BE(24)
  const reply = (error: number, data: Buffer = Buffer.alloc(0)) =>
    socket.write(Buffer.concat([uint32(REPLY_MAGIC), uint32(error), cookie, data]))
  switch (command) {
    case COMMAND.read:
      reply(0, disk.read(offset, length))
      return true
    case COMMAND.write: {
      if (length > MAX_REQUEST_BYTES) throw new RangeError(`a write of ${length} bytes`)
      const isStored = disk.write(offset, await input.take(length), (flags & WRITE_THROUGH) !== 0)
      if (isStored) reply(0)
      return isStored
    }
    case COMMAND.flush: {
      await sleep(FLUSH_MS)
      const isStored = disk.flush()
      if (isStored) reply(0)
      return isStored
    }
    case COMMAND.disconnect:
      return false
    default:
      reply(EINVAL)
      return true
  }
}

/** Takes so many bytes at a time from a socket. */
class ByteReader {
  private readonly chunks: AsyncIterator<Buffer>
  private held: Buffer[] = []
  private heldBytes = 0

  constructor(socket: Socket) {
    this.chunks = socket[Symbol.asyncIterator]()
  }

  async take(length: number): Promise<Buffer> {
    while (this.heldBytes < length) {
      const { value, done } = await this.chunks.next()
      if (done === true) throw new Error('the client is gone')
      this.held.push(value)
      this.heldBytes += value.length
    }
    const all = this.held.length === 1 ? this.held[0]! : Buffer.concat(this.held)
    this.held = all.length > length ? [all.subarray(length)] : []
    this.heldBytes -= length
    return all.subarray(0, length)
  }
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
