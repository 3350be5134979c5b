/**
 * Keeps web pages out: a page that a browser on this host has open must neither read the API under a name of its own
 * (DNS rebinding: the Host header is checked) nor call it across origins (Origin and Sec-Fetch-Site are checked).
 */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { ApiProblem } from '../core/http/problem.ts'

export interface OriginOptions {
  /** The address listened on. */
  host: string
  /** Further names that a Host header may carry. */
  allowedHosts: readonly string[]
}

export type CheckOrigin = (request: FastifyRequest) => void

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** The check throws a 421 for a foreign host and a 403 for a foreign origin. */
export function createOriginCheck({ host, allowedHosts }: OriginOptions): CheckOrigin {
  const allowed = new Set([...LOOPBACK, host, ...allowedHosts].map((name) => name.toLowerCase()))
  const isWildcard = host === '0.0.0.0' || host === '::'
  return ({ headers }) => {
    const name = hostName(headers.host)
    // Listening on every address, a request may use any of them; only names can be rebound.
    if (name === undefined || !(allowed.has(name) || (isWildcard && isIP(name) !== 0))) {
      const detail = `This API does not answer for the host ${JSON.stringify(headers.host ?? '')}; names can be added to its configuration.`
      throw new ApiProblem(421, 'E_API_HOST', detail, [{ field: 'Host', message: 'is not a host of this API' }])
    }
    const { origin, 'sec-fetch-site': site } = headers
    const isForeign = origin !== undefined && originHost(origin) !== headers.host?.toLowerCase()
    if (isForeign || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
      const field = isForeign ? 'Origin' : 'Sec-Fetch-Site'
      throw new ApiProblem(403, 'E_API_ORIGIN', 'Pages of other origins may not use this API.', [
        { field, message: 'is not the origin of this API' },
      ])
    }
  }
}

/** Without the port, and without the brackets of an IPv6 address. */
function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '')
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

function originHost(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@\\]+)$/i.exec(origin)?.[1]?.toLowerCase()
}
