/**
 * Starts components in order and stops them in reverse. One that fails to start is stopped, with everything before it;
 * one that fails to stop does not keep the others from stopping.
 */
import type { Component } from '../model/component.ts'

export class Lifecycle implements Component {
  private readonly started: { name: string; component: Component }[] = []
  private readonly planned: { name: string; component: Component }[] = []
  private readonly onStopFailure: (name: string, error: unknown) => void

  constructor(onStopFailure: (name: string, error: unknown) => void) {
    this.onStopFailure = onStopFailure
  }

  add(name: string, component: Component): this {
    this.planned.push({ name, component })
    return this
  }

  async start(): Promise<void> {
    for (const entry of this.planned.splice(0)) {
      // Before it has started: what a failed start leaves open, such as a connection that goes on trying, would keep the
      // program from ending.
      this.started.push(entry)
      try {
        await entry.component.start()
      } catch (error) {
        await this.stop(5_000)
        throw error
      }
    }
  }

  /** Each component gets what is left of the deadline, and at least 100 ms. */
  async stop(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs
    for (let entry = this.started.pop(); entry !== undefined; entry = this.started.pop()) {
      const leftMs = Math.max(100, endMs - performance.now())
      try {
        await entry.component.stop(leftMs)
      } catch (error) {
        this.onStopFailure(entry.name, error)
      }
    }
  }
}
