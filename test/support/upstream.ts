/** Other people's rule files and captures, read where they stand beside a checkout; absent on most machines. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A folder of that data, or null where it is not there. `FALCO_RULES` names another one for the rule files. */
export function falcoRules(): string | null {
  const folder =
    process.env.FALCO_RULES ?? fileURLToPath(new URL('../../../shared/upstream/falco-rules', import.meta.url))
  return existsSync(folder) ? folder : null
}
