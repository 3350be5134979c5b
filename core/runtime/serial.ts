/**
 * Work that must not overlap: each task starts when the one before it has ended, well or badly. A failure belongs to
 * whoever asked for the task, and to nobody else.
 */
export class Serial {
  private last: Promise<unknown> = Promise.resolve()

  /** Settles as the task does. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.last.then(task, task)
    this.last = done
    return done
  }

  /** Resolves when everything asked for so far has ended; never rejects. */
  async idle(): Promise<void> {
    await Promise.allSettled([this.last])
  }
}
