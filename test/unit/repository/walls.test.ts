/** Holds the import rules of ARCHITECTURE.md: stages and backends know core, core knows neither, app knows all. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const STAGES = ['collector', 'ingest', 'analyzer', 'alerts', 'indexer', 'api']
const ALLOWED: Record<string, readonly string[]> = {
  core: ['core'],
  backends: ['core', 'backends'],
  ...Object.fromEntries(STAGES.map((stage) => [stage, ['core', stage]])),
}
/** The one file that a stage shares with the build: which sources the addon was made of. */
const EXCEPTIONS = new Set(['collector/sources/syscalls/addon.ts → native/sources-digest.ts'])

const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g

interface Import {
  file: string
  to: string
}

function sources(folder: string): string[] {
  try {
    return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(IMPORT)].map((match) => ({ file, to: relative(ROOT, join(ROOT, dirname(file), match[1]!)) }))
}

const top = (path: string) => path.split('/')[0]!

/** Files that import each other, in a line; empty where a reader can always begin with what is imported. */
function circlesIn(files: readonly string[]): string[] {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, way: readonly string[]) => {
    const at = way.indexOf(file)
    if (at >= 0) circles.push([...way.slice(at), file].join(' → '))
    if (at >= 0 || done.has(file)) return
    for (const { to } of importsOf(file)) if (files.includes(to)) visit(to, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return circles
}

describe('the walls', () => {
  test('were looked at: the checker sees files and imports in every folder that has some', () => {
    for (const folder of ['core', 'collector', 'ingest', 'analyzer', 'alerts', 'indexer', 'api', 'backends', 'app']) {
      const files = sources(folder)
      expect(files.length, folder).toBeGreaterThan(0)
      expect(files.flatMap(importsOf).length, folder).toBeGreaterThan(0)
    }
  })

  test.each(Object.entries(ALLOWED))('%s imports only %j', (folder, allowed) => {
    const strays = sources(folder)
      .flatMap(importsOf)
      .filter(({ to }) => !allowed.includes(top(to)))
      .map(({ file, to }) => `${file} → ${to}`)
      .filter((stray) => !EXCEPTIONS.has(stray))
    expect(strays).toEqual([])
  })

  test('no files import each other', () => {
    const folders = [...STAGES, 'core', 'backends', 'app', 'scripts', 'bench']
    expect(circlesIn(folders.flatMap(sources))).toEqual([])
    // It finds one where there is one.
    expect(circlesIn(['test/fixtures/circle/a.ts', 'test/fixtures/circle/b.ts'])).toEqual([
      'test/fixtures/circle/a.ts → test/fixtures/circle/b.ts → test/fixtures/circle/a.ts',
    ])
  })

  test('only app names a shape', () => {
    const mentions = [...STAGES, 'core', 'backends']
      .flatMap(sources)
      .filter((file) => /isEmbedded|isDistributed|if \(embedded/.test(readFileSync(join(ROOT, file), 'utf8')))
    expect(mentions).toEqual([])
  })

  test('only the redis backend names bullmq and ioredis, only the elasticsearch backend its client', () => {
    const namesIt = (pattern: RegExp, home: string) =>
      [...STAGES, 'core', 'backends', 'app']
        .flatMap(sources)
        .filter((file) => !file.startsWith(home) && pattern.test(readFileSync(join(ROOT, file), 'utf8')))
    expect(namesIt(/from '(?:bullmq|ioredis)'/, 'backends/redis')).toEqual([])
    expect(namesIt(/from '@elastic\/elasticsearch'/, 'backends/elasticsearch')).toEqual([])
  })
})
