/** What an attack is: a rule of Falco's, what a program does that the rule is about, and a twin that it is not about. */

/** Containers that stay up for all attacks; `plain` has what Docker gives by default. */
export const CONTAINERS = {
  plain: { NetworkMode: 'none' },
  /** May do what administrators may. */
  admin: { NetworkMode: 'none', CapAdd: ['SYS_ADMIN', 'SYS_MODULE'] },
  /** Has addresses of its own, so that connections to addresses of the world succeed and never leave it. */
  net: { NetworkMode: 'none', CapAdd: ['NET_ADMIN'] },
} as const satisfies Record<string, Record<string, unknown>>

/** Addresses that the container `net` has: one of the world's (RFC 5737), and that of cloud metadata. */
export const ADDRESSES = { world: '198.51.100.7', metadata: '169.254.169.254' } as const

/** A program that runs and ends. */
export interface Program {
  in: keyof typeof CONTAINERS | 'host'
  /** The name the program is copied to, or a path inside the container. */
  as: string
  /** Verbs of intruder.c, or anything else. */
  args?: readonly string[]
  /** Name or number; root by default. On the host a number. */
  user?: string
  terminal?: boolean
  env?: readonly string[]
}

/** A container that is started, with this in its description and the name of the program it runs. */
export interface Start {
  start: Record<string, unknown>
  user?: string
}

export interface Attack {
  rule: string
  attack: Program | Start
  /** Differs in one relevant fact. */
  twin: Program | Start
}

/** Where the copies of the program are: in every container, and on the host. */
export const TOOLS = '/tools'

export function tool(name: string): string {
  return `${TOOLS}/${name}`
}
