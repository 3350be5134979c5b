/** Where the rule files are that a falco.yaml names. */
import { existsSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'

const HOME = '/etc/falco/'

/** Null for what is nowhere. A copy of /etc/falco keeps its absolute names; the copy comes before what is installed here. */
export function placeOf(name: string, settings: string): string | null {
  // As of a variable that is not set.
  if (name === '') return null
  const folder = dirname(settings)
  const candidates = !isAbsolute(name)
    ? [join(folder, name), name]
    : name.startsWith(HOME)
      ? [join(folder, name.slice(HOME.length)), name]
      : [name, join(folder, basename(name))]
  return candidates.find((path) => existsSync(path)) ?? null
}
