/** The `pmatch` operator: a value matches when a prefix of its path components does; components may hold globs. */
import { type Glob, parseGlob, testGlob } from '../../fields/glob.ts'

export function pathMatcher(patterns: readonly string[]): (value: string) => boolean {
  const plain = new Set<string>()
  const globs: { components: number; glob: Glob[] }[] = []
  for (const pattern of patterns) {
    const path = withoutTrailingSlash(pattern)
    if (/[*?[\\]/.test(path)) {
      const parts = path.split('/')
      globs.push({ components: parts.length, glob: parts.map((part) => parseGlob(part)) })
    } else plain.add(path)
  }
  return (value) => {
    if (plain.size > 0 && hasPlainPrefix(value, plain)) return true
    return globs.some(({ components, glob }) => {
      const parts = withoutTrailingSlash(value).split('/')
      return parts.length >= components && glob.every((part, i) => testGlob(part, parts[i]!))
    })
  }
}

function hasPlainPrefix(value: string, plain: ReadonlySet<string>): boolean {
  const path = withoutTrailingSlash(value)
  if (plain.has(path)) return true
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (plain.has(path.slice(0, slash))) return true
  }
  return false
}

/** The root is the empty prefix, so that `/` matches every absolute path. */
function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
