/** Opens and closes files for some seconds; one in a hundred is one that rules about sensitive files look for. */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'

const seconds = Number(process.argv[2] ?? 4)
const folder = '/tmp/seamark-bench/a/b/c'
mkdirSync(folder, { recursive: true })
const paths = Array.from({ length: 100 }, (_, i) => `${folder}/file-${i}`)
for (const path of paths) writeFileSync(path, '')
paths[0] = '/etc/shadow'
const endMs = performance.now() + seconds * 1000
let opened = 0
while (performance.now() < endMs) {
  for (const path of paths) closeSync(openSync(path, 'r'))
  opened += paths.length
}
process.stderr.write(`${Math.round(opened / seconds)} opens/s\n`)
