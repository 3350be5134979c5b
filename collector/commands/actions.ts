/** What a host does when it is told to: for a start, what changes nothing but its own knowledge. */
import type { Source } from '../../core/model/source.ts'
import type { CommandAction } from './command-runner.ts'

export interface ActionsOptions {
  version: string
  sources: () => readonly Source[]
  /** Looks again at all processes and cgroups; says what is known then. */
  rescan: () => { processes: number; containers: number }
}

/** By kind. */
export function createActions({ version, sources, rescan }: ActionsOptions): ReadonlyMap<string, CommandAction> {
  return new Map<string, CommandAction>([
    ['ping', async () => `Seamark ${version} has run for ${Math.round(process.uptime())} s`],
    [
      'rescan',
      async () => {
        const { processes, containers } = rescan()
        return `${processes} processes and ${containers} containers are known`
      },
    ],
    [
      'probe',
      async () => {
        const found = await Promise.all(sources().map((source) => source.probe()))
        const blind = found.flatMap((one) => one.blind.map(({ what, why, fix }) => `${what}: ${why}; ${fix}`))
        return blind.length === 0
          ? `nothing is blind: ${found.flatMap(({ sees }) => sees).join('; ')}`
          : blind.join('\n')
      },
    ],
  ])
}
