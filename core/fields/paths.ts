/** Paths as byte strings: joined, normalised without touching any file system, taken apart. */

/** Absolute form of a path: relative ones are put under `base`; `.`, `..` and doubled slashes are resolved. */
export function absolutePath(path: string, base: string | undefined): string {
  const whole = path.startsWith('/') ? path : `${base ?? ''}/${path}`
  // Nearly every path is clean already.
  if (!whole.includes('//') && !whole.includes('/.') && (whole.length === 1 || !whole.endsWith('/'))) return whole
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return `/${parts.join('/')}`
}

const OWN_ROOT = /^\/proc\/(?:self|thread-self|[0-9]{1,10})(?:\/task\/[0-9]{1,10})?\/root(?=\/|$)/

/** The absolute path that a call means: a detour over the root of a process (`/proc/self/root/…`) is taken out. */
export function callPath(raw: string, base: string | undefined): string {
  const path = absolutePath(raw, base)
  const root = path.startsWith('/proc/') ? OWN_ROOT.exec(path)?.[0] : undefined
  return root === undefined ? path : path.slice(root.length) || '/'
}

/** What is before the last slash; `/` for entries of the root. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

/** What is after the last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
