/**
 * Writes everything that is derived from code: the reference pages, the addon's schema header and Kibana's dashboards.
 * A test compares each with what is committed. `--check` writes nothing and exits with 1 when something is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeHeaders } from './generate-native-schema.ts'
import { kibanaFiles } from './kibana/saved-objects.ts'
import { commandLinePage } from './reference/command-line-page.ts'
import { conditionsPage } from './reference/conditions-page.ts'
import { configPage } from './reference/config-page.ts'
import { documentsPage } from './reference/documents-page.ts'
import { errorsPage } from './reference/errors-page.ts'
import { falcoConfigPage } from './reference/falco-config-page.ts'
import { fieldsPage } from './reference/fields-page.ts'
import { metricsPage } from './reference/metrics-page.ts'
import { restPage } from './reference/rest-page.ts'
import { rulesPage } from './reference/rules-page.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Path from the project's root → what writes it. */
export const GENERATED_FILES: Readonly<Record<string, () => string>> = {
  'docs/reference/command-line.md': commandLinePage,
  'docs/reference/conditions.md': conditionsPage,
  'docs/reference/config.md': configPage,
  'docs/reference/documents.md': documentsPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/falco-config.md': falcoConfigPage,
  'docs/reference/fields.md': fieldsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/rest.md': restPage,
  'docs/reference/rules.md': rulesPage,
  ...Object.fromEntries([...kibanaFiles()].map(([path, text]) => [path, () => text])),
  ...Object.fromEntries([...nativeHeaders()].map(([path, text]) => [path, () => text])),
}

/** Paths whose committed content differs from what the code says. */
export function staleFiles(): string[] {
  return Object.entries(GENERATED_FILES)
    .filter(([path, write]) => !existsSync(join(ROOT, path)) || readFileSync(join(ROOT, path), 'utf8') !== write())
    .map(([path]) => path)
}

if (import.meta.main) {
  const stale = staleFiles()
  if (process.argv.includes('--check')) {
    for (const path of stale) process.stdout.write(`stale: ${path}\n`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    for (const path of stale) {
      mkdirSync(dirname(join(ROOT, path)), { recursive: true })
      writeFileSync(join(ROOT, path), GENERATED_FILES[path]!())
      process.stdout.write(`written: ${path}\n`)
    }
  }
}
