/**
 * The digest over everything that decides what the addon's bytes are. A prebuilt addon carries the digest it was made
 * from, so that a stale one is noticed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NATIVE = fileURLToPath(new URL('.', import.meta.url))
const FOLDERS = ['bpf', 'src']

/** 64 hex digits. Reads about 2 MB. */
export function nativeSourcesDigest(): string {
  const hash = createHash('sha256')
  for (const path of FOLDERS.flatMap(filesBelow).sort()) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(NATIVE, path)))
      .update('\0')
  }
  return hash.digest('hex')
}

/** The digest over the BPF programs alone, as `scripts/build-bpf.sh` records it beside the skeletons. */
export function bpfSourceDigests(): string {
  return readdirSync(join(NATIVE, 'bpf'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const digest = createHash('sha256')
        .update(readFileSync(join(NATIVE, 'bpf', name)))
        .digest('hex')
      return `${digest}  ${name}\n`
    })
    .join('')
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(NATIVE, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

if (import.meta.main) console.log(nativeSourcesDigest())
