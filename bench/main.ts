/**
 * `npm run bench -- NAME [--json]`: measures and prints; never asserts. Each bench is a module that exports `run`.
 * docs/performance.md holds results and says what each figure means.
 */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

interface Bench {
  run(options: { json: boolean }): Promise<void>
}

const FOLDER = dirname(fileURLToPath(import.meta.url))
const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.ts') && name !== 'main.ts')
  .map((name) => name.slice(0, -3))
const [name, ...rest] = process.argv.slice(2)

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`Usage: npm run bench -- NAME [--json]\nNames: ${names.join(', ')}\n`)
  process.exitCode = 2
} else {
  // What a bench started ends with it, also when it is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const bench = (await import(pathToFileURL(join(FOLDER, `${name}.ts`)).href)) as Bench
  await bench.run({ json: rest.includes('--json') })
}
