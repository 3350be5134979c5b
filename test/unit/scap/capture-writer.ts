/** Writes captures block by block, for tests: what a format's reader is given must not come from the reader. */
export type Parameter = Buffer | number | bigint | string

export function block(type: number, content: Buffer): Buffer {
  const bytes = Buffer.alloc(content.length + 12)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(bytes.length, 4)
  content.copy(bytes, 8)
  bytes.writeUInt32LE(bytes.length, bytes.length - 4)
  return bytes
}

export function sectionBlock(): Buffer {
  return block(0x0a0d0d0a, Buffer.from('4d3c2b1a01000200ffffffffffffffff', 'hex'))
}

/** Numbers have 64 bits, as most parameters do; text ends in NUL. */
export function parameterBytes(parameter: Parameter): Buffer {
  if (Buffer.isBuffer(parameter)) return parameter
  if (typeof parameter === 'string') return Buffer.from(`${parameter}\0`, 'utf8')
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(parameter))
  return bytes
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

export interface EventText {
  code: number
  tid: number
  timeNs?: bigint
  parameters?: readonly Parameter[]
  /** With a count of parameters, as captures have since format 1.2. */
  counted?: boolean
  withFlags?: boolean
}

export function eventBlock({ code, tid, timeNs = 1n, parameters = [], counted = true, withFlags }: EventText): Buffer {
  const values = parameters.map(parameterBytes)
  const header = Buffer.alloc(counted ? 26 : 22)
  const sizes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) sizes.writeUInt16LE(value.length, i * 2)
  const length = header.length + sizes.length + values.reduce((sum, value) => sum + value.length, 0)
  header.writeBigUInt64LE(timeNs, 0)
  header.writeBigInt64LE(BigInt(tid), 8)
  header.writeUInt32LE(length, 16)
  header.writeUInt16LE(code, 20)
  if (counted) header.writeUInt32LE(values.length, 22)
  const type = counted ? (withFlags ? 0x217 : 0x216) : withFlags ? 0x208 : 0x204
  return block(type, Buffer.concat([Buffer.alloc(withFlags ? 6 : 2), header, sizes, ...values]))
}

const text16 = (value: string) => {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.length)
  return Buffer.concat([length, bytes])
}

export interface ProcessText {
  tid: number
  pid?: number
  ptid?: number
  comm: string
  exe?: string
  args?: string
  cwd?: string
  uid?: number
  cgroups?: string
}

/** A process list of the newest version. */
export function processBlock(processes: readonly ProcessText[]): Buffer {
  const id = (value: number) => parameterBytes(value)
  const entries = processes.map(
    ({ tid, pid = tid, ptid = 1, comm, exe = comm, args = '', cwd = '/', uid = 0, cgroups = '' }) => {
      const entry = Buffer.concat([
        ...[tid, pid, ptid, pid, pid].map(id),
        ...[comm, exe, `/bin/${comm}`, args, cwd].map(text16),
        Buffer.alloc(12),
        u32(uid),
        u32(0),
        Buffer.alloc(28),
        text16(''),
        id(tid),
        id(pid),
        text16(cgroups),
        text16('/'),
        Buffer.alloc(8),
        u32(0),
        u32(0xffffffff),
        Buffer.from([0]),
        ...[0, 0x3fff, 0x3fff].map(id),
      ])
      return Buffer.concat([u32(entry.length + 4), entry])
    },
  )
  return block(0x215, Buffer.concat(entries))
}

export function userBlock(names: readonly (readonly [uid: number, name: string])[]): Buffer {
  const entries = names.map(([uid, name]) => {
    const entry = Buffer.concat([Buffer.from([0]), u32(uid), u32(0), text16(name), text16('/root'), text16('/bin/sh')])
    return Buffer.concat([u32(entry.length + 4), entry])
  })
  return block(0x220, Buffer.concat(entries))
}

/** Of one thread: files by number. */
export function descriptorBlock(tid: number, files: readonly (readonly [fd: number, path: string])[]): Buffer {
  const entries = files.map(([fd, path]) => {
    const entry = Buffer.concat([
      parameterBytes(fd),
      parameterBytes(7),
      Buffer.from([16]),
      u32(0),
      text16(path),
      u32(3),
    ])
    return Buffer.concat([u32(entry.length + 4), entry])
  })
  return block(0x218, Buffer.concat([parameterBytes(tid), ...entries]))
}

export function ipv4Tuple(source: readonly [string, number], destination: readonly [string, number]): Buffer {
  const bytes = Buffer.alloc(13)
  bytes[0] = 2
  for (const [at, [ip, port]] of [
    [1, source],
    [7, destination],
  ] as const) {
    for (const [i, part] of ip.split('.').entries()) bytes[at + i] = Number(part)
    bytes.writeUInt16LE(port, at + 4)
  }
  return bytes
}
