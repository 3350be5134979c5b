/**
 * An image to attack in. One that is there is used; otherwise a small one is imported from programs of this machine, so
 * that nothing has to be downloaded: its busybox if it has one, else its shell and a few tools with their libraries.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Engine } from '../../collector/docker/engine.ts'
import { AppError } from '../../core/model/errors.ts'

const OWN_IMAGE = 'seamark/demo:1'
const APPLETS = ['sh', 'cat', 'touch', 'sleep', 'true', 'nc', 'wget', 'id']
const BUSYBOX_PATHS = ['/bin/busybox', '/usr/bin/busybox']
/** Without busybox: the shell and coreutils that every Debian has. `nc` stands in under its name. */
const HOST_TOOLS: readonly (readonly [string, string])[] = [
  ['/bin/sh', 'sh'],
  ['/bin/cat', 'cat'],
  ['/bin/touch', 'touch'],
  ['/bin/sleep', 'sleep'],
  ['/bin/true', 'true'],
  ['/usr/bin/id', 'id'],
  ['/bin/true', 'nc'],
  ['/bin/true', 'wget'],
]

/** The reference of a usable image. `tell` hears what is being done. */
export async function prepareImage(engine: Engine, tell: (line: string) => void): Promise<string> {
  for (const reference of [OWN_IMAGE, 'busybox:latest']) {
    if (await hasImage(engine, reference)) return reference
  }
  tell('importing a small image from programs of this machine …')
  const root = mkdtempSync(join(tmpdir(), 'seamark-demo-'))
  try {
    fill(root)
    const archive = execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', '-', '.'], {
      maxBuffer: 256 * 1024 * 1024,
    })
    const [repository, tag] = OWN_IMAGE.split(':')
    const query = new URLSearchParams({ fromSrc: '-', repo: repository!, tag: tag! })
    await engine.call(`/images/create?${query}`, {
      method: 'POST',
      raw: { type: 'application/x-tar', bytes: archive },
      timeoutMs: 60_000,
    })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return OWN_IMAGE
}

async function hasImage(engine: Engine, reference: string): Promise<boolean> {
  try {
    await engine.call(`/images/${encodeURIComponent(reference)}/json`)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_DOCKER_REFUSED') return false
    throw error
  }
}

function fill(root: string): void {
  for (const directory of ['bin', 'usr/bin', 'etc', 'tmp', 'root', 'proc', 'sys', 'dev']) {
    mkdirSync(join(root, directory), { recursive: true })
  }
  const busybox = BUSYBOX_PATHS.find((path) => existsSync(path) && libraries(path).length === 0)
  if (busybox !== undefined) {
    cpSync(busybox, join(root, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
    return
  }
  for (const [path, name] of HOST_TOOLS) {
    cpSync(path, join(root, 'bin', name), { dereference: true })
    for (const library of libraries(path)) {
      mkdirSync(join(root, dirname(library)), { recursive: true })
      cpSync(library, join(root, library), { dereference: true })
    }
  }
}

/** Shared libraries and the loader of a program; none for a static one. */
function libraries(path: string): string[] {
  try {
    const text = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return [...text.matchAll(/(\/\S+)/g)].map((match) => match[1]!).filter((library) => existsSync(library))
  } catch {
    return []
  }
}
