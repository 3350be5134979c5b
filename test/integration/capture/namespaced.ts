/** Run by a test inside a pid namespace of its own: captures, reads a file itself and has a child read one. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { capture, planFor } from './capturing.ts'

const { rows } = await capture(planFor(['openat']), () => {
  readFileSync('/etc/hostname')
  execFileSync('/bin/cat', ['/etc/hostname'])
})
const seen = rows.filter((row) => row.rawPath === '/etc/hostname')
console.log(JSON.stringify({ ownPid: process.pid, seen: seen.map(({ by, vtid, tid }) => ({ ...by, vtid, tid })) }))
