/** The destinations that a configuration names, and how they write. */
import type { Writable } from 'node:stream'
import type { Destination } from '../alerts/notify/destination.ts'
import type { FalcoFormat } from '../alerts/notify/falco-format.ts'
import { FileDestination } from '../alerts/notify/file.ts'
import { HttpDestination } from '../alerts/notify/http.ts'
import { ProgramDestination } from '../alerts/notify/program.ts'
import { SyslogDestination } from '../alerts/notify/syslog.ts'
import { TerminalDestination } from '../alerts/notify/terminal.ts'
import type { Config } from './config.ts'
import type { TerminalConfig } from './threads/thread-data.ts'

/** What everything but a person's terminal gets. */
export function formatOf({ notify: { format, jsonParts, iso8601Times } }: Config, kind = format): FalcoFormat {
  return { kind, jsonParts, iso8601Times }
}

export function destinationsOf(config: Config, terminal: TerminalConfig | null, out: Writable): Destination[] {
  const { notify } = config
  const format = formatOf(config)
  const destinations: Destination[] = []
  if (terminal !== null && notify.terminal) destinations.push(new TerminalDestination({ out, ...terminal }))
  if (notify.file !== undefined) destinations.push(new FileDestination({ path: notify.file, format }))
  if (notify.syslog) destinations.push(new SyslogDestination({ format }))
  if (notify.program !== undefined) destinations.push(new ProgramDestination({ ...notify.program, format }))
  if (notify.http !== undefined) destinations.push(new HttpDestination({ ...notify.http, format }))
  return destinations
}
