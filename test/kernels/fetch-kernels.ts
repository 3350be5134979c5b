/**
 * Fetches Debian's kernels with apt, in a state directory of their own, from the mirror that this machine already uses.
 * What is there already is not fetched again.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Kernel {
  /** `5.10`, `6.1`, `6.12`. */
  version: string
  image: string
  /** What its package holds, as it would be installed: modules are below `lib/modules`. */
  root: string
}

/** Debian release → the kernel it carries. */
const SUITES = { bullseye: '5.10', bookworm: '6.1', trixie: '6.12' } as const

/** All of them, or the one of a version. Throws when there is none of that version. */
export function fetchKernels(folder: string, only?: string): Kernel[] {
  const wanted = Object.entries(SUITES).filter(([, version]) => only === undefined || version === only)
  if (wanted.length === 0) throw new Error(`no Debian release carries Linux ${only}`)
  return wanted.map(([suite, version]) => {
    const root = join(folder, suite, 'root')
    return { version, image: fetchKernel(join(folder, suite), suite), root }
  })
}

function fetchKernel(folder: string, suite: string): string {
  const known = findImage(folder)
  if (known !== null) return known
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'root']) {
    mkdirSync(join(folder, part), { recursive: true })
  }
  writeFileSync(join(folder, 'sources.list'), `deb ${debianMirror()} ${suite} main\n`)
  const options = [
    `Dir::Etc::sourcelist=${join(folder, 'sources.list')}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State=${join(folder, 'state')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  execFileSync('apt-get', [...options, '-qq', 'update'], { stdio: 'inherit' })
  const depends = execFileSync('apt-cache', [...options, 'depends', 'linux-image-amd64'], { encoding: 'utf8' })
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1]
  if (name === undefined) throw new Error(`${suite} has no kernel package`)
  execFileSync('apt-get', [...options, '-qq', 'download', name], { cwd: folder, stdio: 'inherit' })
  const deb = readdirSync(folder).find((file) => file.startsWith(name) && file.endsWith('.deb'))
  execFileSync('dpkg', ['-x', join(folder, deb ?? ''), join(folder, 'root')])
  const image = findImage(folder)
  if (image === null) throw new Error(`${deb} holds no kernel image`)
  return image
}

function findImage(folder: string): string | null {
  const boot = join(folder, 'root/boot')
  if (!existsSync(boot)) return null
  const name = readdirSync(boot).find((file) => file.startsWith('vmlinuz-'))
  return name === undefined ? null : join(boot, name)
}

/** The first Debian archive (not the security one) in apt's own configuration. */
function debianMirror(): string {
  const files = ['/etc/apt/sources.list']
  const parts = '/etc/apt/sources.list.d'
  if (existsSync(parts)) files.push(...readdirSync(parts).map((name) => join(parts, name)))
  for (const file of files.filter(existsSync)) {
    const found = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(\S+\/debian)\/?(?:\s|$)/m.exec(readFileSync(file, 'utf8'))
    if (found?.[1] !== undefined) return found[1]
  }
  throw new Error('no Debian mirror in the apt configuration')
}
