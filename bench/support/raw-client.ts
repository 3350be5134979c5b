/**
 * A host that posts one message after the other on one kept-alive connection, for benches: as little of its own cost as
 * can be, since it shares the cores with what is measured. It waits for every answer and reads all of it.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Serial } from '../../core/runtime/serial.ts'

const END_OF_HEAD = '\r\n\r\n'

export interface RawClientOptions {
  host: string
  port: number
  path: string
  type: string
  key: string
}

export class RawClient {
  private readonly options: RawClientOptions
  private readonly inTurn = new Serial()
  private socket: Socket | null = null
  private received = ''
  private waiting: { resolve(status: number): void; reject(error: Error): void } | null = null

  constructor(options: RawClientOptions) {
    this.options = options
  }

  /** The answer's status; one message after the other. Rejects when the connection ends before the answer has come. */
  post(body: Uint8Array): Promise<number> {
    return this.inTurn.run(() => this.postNow(body))
  }

  private async postNow(body: Uint8Array): Promise<number> {
    const socket = await this.connected()
    const { host, path, type, key } = this.options
    const fields = [
      `host: ${host}`,
      `authorization: Bearer ${key}`,
      `content-type: ${type}`,
      `content-length: ${body.length}`,
    ]
    const head = `POST ${path} HTTP/1.1\r\n${fields.join('\r\n')}${END_OF_HEAD}`
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
    })
  }

  close(): void {
    this.socket?.destroy()
  }

  private async connected(): Promise<Socket> {
    if (this.socket !== null && !this.socket.destroyed) return this.socket
    const { host, port } = this.options
    const socket = connect({ host, port, noDelay: true })
    this.socket = socket
    this.received = ''
    await once(socket, 'connect')
    socket.on('data', (chunk: Buffer) => this.read(chunk.toString('latin1')))
    const fail = (error?: Error) => this.waiting?.reject(error ?? new Error('the connection ended without an answer'))
    socket.on('error', fail)
    socket.on('close', () => fail())
    return socket
  }

  private read(text: string): void {
    this.received += text
    const head = this.received.indexOf(END_OF_HEAD)
    if (head < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(this.received)
    if (length === null) {
      this.waiting?.reject(new Error('an answer without content-length'))
      return
    }
    const end = head + END_OF_HEAD.length + Number(length[1])
    if (this.received.length < end) return
    const status = Number(this.received.slice(9, 12))
    this.received = this.received.slice(end)
    const { waiting } = this
    this.waiting = null
    waiting?.resolve(status)
  }
}
