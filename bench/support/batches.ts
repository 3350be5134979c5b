/** The next so many of a stream; the stream can be read on afterwards. */
export function* take<T>(stream: Iterator<T>, count: number): Iterable<T> {
  for (let i = 0; i < count; i++) {
    const next = stream.next()
    if (next.done === true) return
    yield next.value
  }
}
