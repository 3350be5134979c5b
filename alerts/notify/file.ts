/** Appends detections to a file, one a line. */
import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '../../core/model/errors.ts'
import type { Destination, Notification } from './destination.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'

export interface FileDestinationConfig {
  path: string
  format: FalcoFormat
}

export class FileDestination implements Destination {
  readonly name = 'file'
  private readonly config: FileDestinationConfig
  private handle: FileHandle | null = null

  constructor(config: FileDestinationConfig) {
    this.config = config
  }

  /** Throws AppError E_CONFIG_INVALID for a file that cannot be opened: better now than at the first alert. */
  async start(): Promise<void> {
    try {
      this.handle = await open(this.config.path, 'a', 0o600)
    } catch (cause) {
      const message = `notify.file: ${this.config.path} cannot be opened: ${(cause as Error).message}`
      throw new AppError('E_CONFIG_INVALID', message, { cause })
    }
    await this.stop()
  }

  /** Opens on demand, so that a file moved away by log rotation is made anew at the next delivery. */
  async send(notifications: readonly Notification[]): Promise<void> {
    this.handle ??= await open(this.config.path, 'a', 0o600)
    try {
      const lines = notifications.map(({ detection }) => `${falcoLine(detection, this.config.format)}\n`)
      await this.handle.appendFile(lines.join(''))
      await this.handle.datasync()
    } finally {
      await this.stop()
    }
  }

  async stop(): Promise<void> {
    await this.handle?.close()
    this.handle = null
  }
}
