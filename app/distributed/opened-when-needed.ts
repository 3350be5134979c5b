/** A component that is started at its first use: who can mostly do without it starts without it too. */
import type { Component } from '../../core/model/component.ts'

export class OpenedWhenNeeded<T extends Component> implements Component {
  private readonly open: () => T
  private opening: Promise<T> | null = null

  constructor(open: () => T) {
    this.open = open
  }

  /** Throws what its start throws; the next use tries again. */
  use(): Promise<T> {
    this.opening ??= this.started()
    return this.opening
  }

  async start(): Promise<void> {}

  async stop(deadlineMs: number): Promise<void> {
    const opened = await this.opening?.catch(() => null)
    await opened?.stop(deadlineMs)
  }

  private async started(): Promise<T> {
    const component = this.open()
    try {
      await component.start()
      return component
    } catch (error) {
      this.opening = null
      await component.stop(1_000)
      throw error
    }
  }
}
