/** The keys of a falco.yaml that have no meaning here, or none anywhere. */
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import { nearestName } from '../../core/language/nearest-name.ts'
import type { Problem } from '../../core/model/problem.ts'
import type { Locate } from './file.ts'
import { FALCO_KEYS_LEFT_OUT, FALCO_KEYS_TAKEN } from './keys.ts'

const ALL_KEYS = [...Object.keys(FALCO_KEYS_TAKEN), ...Object.keys(FALCO_KEYS_LEFT_OUT)]
/** With those that only hold others: `stdout_output` of `stdout_output.enabled`. */
const ALL_NAMES = [
  ...new Set(ALL_KEYS.flatMap((key) => key.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.')))),
]

/** What a file that lists everything has for what it does not use. */
function isOff(value: unknown): boolean {
  if (value === null) return true
  if (isScalar(value)) return value.value === null || value.value === false || value.value === 0 || value.value === ''
  if (isSeq(value)) return value.items.length === 0
  return isMap(value) && (value.items.length === 0 || value.get('enabled') === false)
}

/** Each with its place and the reason, in the order of the file; those that are off or empty change nothing. */
export function unusedKeys(root: YAMLMap | null, locate: Locate): Problem[] {
  const found: Problem[] = []
  const visit = (map: YAMLMap, above: string) => {
    for (const { key, value } of map.items) {
      const name = `${above}${isScalar(key) ? String(key.value) : '?'}`
      if (Object.hasOwn(FALCO_KEYS_TAKEN, name)) continue
      const why = Object.hasOwn(FALCO_KEYS_LEFT_OUT, name) ? FALCO_KEYS_LEFT_OUT[name] : undefined
      const location = locate(key as Node)
      if (why !== undefined) {
        if (isOff(value)) continue
        const message = `${name} has no meaning here: ${why}`
        found.push({ code: 'W_CONFIG_KEY', severity: 'warning', message, location })
      } else if (isMap(value) && ALL_KEYS.some((one) => one.startsWith(`${name}.`))) {
        visit(value as YAMLMap, `${name}.`)
      } else {
        const meant = nearestName(name, ALL_NAMES)
        found.push({
          code: 'W_CONFIG_KEY',
          severity: 'warning',
          message: `${name} is no key of Falco's`,
          location,
          ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
        })
      }
    }
  }
  if (root !== null) visit(root, '')
  return found
}
