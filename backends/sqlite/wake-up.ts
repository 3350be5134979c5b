/**
 * Tells the other threads of this process that something was committed, in well under a millisecond. It is a hint:
 * nobody depends on it, since other processes do not hear it and readers poll slowly as well.
 */
import { BroadcastChannel } from 'node:worker_threads'

export interface WakeUp {
  /** To everyone else who opened the same name, in this thread or another. */
  send(what: string): void
  close(): void
}

export function openWakeUp(name: string, onWake: (what: string) => void = () => {}): WakeUp {
  const channel = new BroadcastChannel(name)
  channel.onmessage = (event) => {
    if (typeof event.data === 'string') onWake(event.data)
  }
  // Node's channel keeps the process alive unless told otherwise; the type does not mention it.
  ;(channel as unknown as { unref(): void }).unref()
  return { send: (what) => channel.postMessage(what), close: () => channel.close() }
}
