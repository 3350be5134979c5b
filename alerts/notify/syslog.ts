/**
 * Hands detections to this machine's syslog, each as one message of facility `user` whose severity is its priority. Node
 * has no datagrams of Unix sockets, so logger(1) of util-linux writes them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PRIORITIES } from '../../core/model/event.ts'
import { safeText } from '../../core/runtime/safe-text.ts'
import type { Destination, Notification } from './destination.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'

export interface SyslogDestinationConfig {
  /** Default /dev/log. */
  socket?: string | undefined
  format: FalcoFormat
}

const TAG = 'seamark'
/** RFC 5424 §6.2.1: priority value = facility × 8 + severity; our priorities stand in the order of its severities. */
const FACILITY_USER = 1
/** What syslog daemons take at least; a longer one is cut by them, or by us where it can be seen. */
const MAX_CHARS = 8_000

export class SyslogDestination implements Destination {
  readonly name = 'syslog'
  private readonly config: SyslogDestinationConfig

  constructor(config: SyslogDestinationConfig) {
    this.config = config
  }

  async start(): Promise<void> {}

  async send(notifications: readonly Notification[], signal: AbortSignal): Promise<void> {
    const { socket = '/dev/log', format } = this.config
    const lines = notifications.map(({ detection }) => {
      const value = FACILITY_USER * 8 + PRIORITIES.indexOf(detection.priority)
      return `<${value}>${falcoLine(detection, format).slice(0, MAX_CHARS)}\n`
    })
    const options = ['--prio-prefix', '--tag', TAG, '--size', String(MAX_CHARS * 4), '--socket', socket]
    const logger = spawn('logger', [...options, '--socket-errors=on'], { stdio: ['pipe', 'ignore', 'pipe'], signal })
    logger.stdin.on('error', () => {})
    logger.stdin.end(lines.join(''))
    let said = ''
    logger.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-500)
    })
    const [code] = (await once(logger, 'close')) as [number | null]
    // It ends with 0 also when nobody listens, but says so.
    if (code !== 0 || said !== '') throw new Error(`syslog: ${safeText(said.trim()) || `logger ended with ${code}`}`)
  }

  async stop(): Promise<void> {}
}
