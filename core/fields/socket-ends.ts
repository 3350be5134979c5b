/** The two ends of a connection, as local and remote and as client and server. */
import type { Cursor } from './cursor.ts'

export type End = 'local' | 'remote'

const ROLE_SERVER = 2

/** Whether the process plays the server: it listens, accepted this connection, or is about to. */
export function isServer(cursor: Cursor): boolean {
  const role = cursor.number('role')
  if (role !== undefined) return role === ROLE_SERVER
  const type = cursor.type
  return type === 'accept' || type === 'accept4' || type === 'listen' || type === 'bind'
}

export function clientEnd(cursor: Cursor): End {
  return isServer(cursor) ? 'remote' : 'local'
}

export function serverEnd(cursor: Cursor): End {
  return isServer(cursor) ? 'local' : 'remote'
}

export function ipOf(cursor: Cursor, end: End): string | undefined {
  return cursor.text(end === 'local' ? 'localIp' : 'remoteIp')
}

export function portOf(cursor: Cursor, end: End): number | undefined {
  return cursor.number(end === 'local' ? 'localPort' : 'remotePort')
}

/** `client:port->server:port`, a unix socket's path, or undefined for anything that is no socket with an address. */
export function connectionText(cursor: Cursor): string | undefined {
  const path = cursor.text('socketPath')
  if (path !== undefined) return path
  const client = endText(cursor, clientEnd(cursor))
  const server = endText(cursor, serverEnd(cursor))
  if (client === undefined && server === undefined) return undefined
  if (client === undefined) return server
  return server === undefined ? client : `${client}->${server}`
}

function endText(cursor: Cursor, end: End): string | undefined {
  const ip = ipOf(cursor, end)
  return ip === undefined ? undefined : `${ip}:${portOf(cursor, end) ?? 0}`
}
