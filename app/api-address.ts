/**
 * Where the running Seamark of a data directory listens: written there when it starts, so that the command line finds it
 * whatever port it was given.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Config } from './config.ts'

const FILE = 'api-address'

/** Said at start while there is no log-in; nothing for an address that only this machine reaches. */
export function exposureWarning(host: string, address: string): string[] {
  if (isLoopback(host)) return []
  return [
    `WARNING: the REST API listens on ${host} and has no log-in yet: whoever reaches port ${new URL(address).port} reads every`,
    'event and alert. Set api.host to 127.0.0.1, or let a firewall or a proxy with a log-in stand before it.',
  ]
}

/** A name other than localhost may mean any address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** In one step, so that nobody reads half of it. Throws what the file system throws, such as ENOSPC. */
export function publishAddress(dataDir: string, address: string): void {
  const path = join(dataDir, FILE)
  writeFileSync(`${path}.new`, `${address}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function withdrawAddress(dataDir: string): void {
  rmSync(join(dataDir, FILE), { force: true })
}

/** The address published in the data directory, else the one the configuration asks for. */
export function apiAddress(config: Config): string {
  try {
    return new URL(readFileSync(join(config.dataDir, FILE), 'utf8').trim()).origin
  } catch {
    // No Seamark was started there, or its directory is not ours to read: the configured address is the best guess.
    const host = config.api.host === '0.0.0.0' ? '127.0.0.1' : config.api.host
    return `http://${host.includes(':') ? `[${host}]` : host}:${config.api.port}`
  }
}
