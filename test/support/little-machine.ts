/** What the virtual machines of the tests are made of: a folder that becomes their root in memory, and programs in it. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Null, with the reason, where no machine can be booted. */
export function machineMissing(): string | null {
  for (const program of ['qemu-system-x86_64', 'cpio']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' })
    } catch {
      return `${program} is not installed`
    }
  }
  return null
}

/** Into `/bin`, with the libraries that it loads, where it looks for them. */
export function addProgram(root: string, program: string): void {
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(program, join(root, 'bin', basename(program)))
  for (const library of sharedLibraries(program)) {
    mkdirSync(join(root, dirname(library)), { recursive: true })
    copyFileSync(library, join(root, library))
  }
}

/** Files and folders of the checkout, to `/seamark`. */
export function addCheckout(root: string, parts: readonly string[]): void {
  for (const part of parts) cpSync(join(ROOT, part), join(root, 'seamark', part), { recursive: true })
}

/** Packages, and what they depend on, to `/seamark/node_modules`. */
export function addPackages(root: string, names: readonly string[]): void {
  const added = new Set<string>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (added.has(name)) continue
    added.add(name)
    const from = join(ROOT, 'node_modules', name)
    cpSync(from, join(root, 'seamark/node_modules', name), { recursive: true, dereference: true })
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>
    }
    waiting.push(...Object.keys(dependencies))
  }
}

export function packInitramfs(root: string, image: string): void {
  execFileSync('sh', ['-c', `cd "$0" && find . | cpio --quiet -o -H newc > "$1"`, root, image])
}

function sharedLibraries(program: string): string[] {
  try {
    const listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    return [...listed.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!)
  } catch (error) {
    // What is linked statically has none.
    if (String((error as { stderr?: unknown }).stderr).includes('not a dynamic executable')) return []
    throw error
  }
}
