/**
 * Capture on the kernels of three Debian releases: boots each in qemu (software emulation, no KVM needed) with Node, the
 * addon and a small attack, and says what was seen. Needs qemu-system-x86, cpio, gcc and apt's mirror.
 */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { loadAddon } from '../../collector/sources/syscalls/addon.ts'
import { addCheckout, addProgram, packInitramfs } from '../support/little-machine.ts'
import { fetchKernels, type Kernel } from './fetch-kernels.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BOOT_TIMEOUT_MS = 120_000
const MARK = /SEAMARK-VERDICT (\{.*\})/
/** Kernels that are too old for light skeletons must say so, and nothing else. */
const TOO_OLD = new Set(['5.10'])
const DEEDS = ['cgroup /victim', 'exec deed --loot', 'open /secret', 'connect 192.0.2.1', 'exit 0']

interface Verdict {
  release: string
  captured: boolean
  reason?: string
  found?: string[]
  warnings?: string[]
  /** What the verifier said to each object that did not load. */
  logs?: string[]
}

function buildInitramfs(folder: string): string {
  const root = join(folder, 'root')
  addProgram(root, process.execPath)
  execFileSync('gcc', ['-O1', '-static', join(ROOT, 'test/kernels/init.c'), '-o', join(root, 'init')])
  addCheckout(root, ['core', 'collector', 'package.json', 'native/sources-digest.ts', 'test/kernels/check.ts'])
  const addon = loadAddon()
  if (addon.addon === null) throw new Error(addon.reason)
  mkdirSync(join(root, 'seamark/native/build'), { recursive: true })
  copyFileSync(addon.path, join(root, 'seamark/native/build/seamark.node'))
  writeFileSync(join(root, 'secret'), 'x')
  const image = join(folder, 'initramfs.cpio')
  packInitramfs(root, image)
  return image
}

async function boot(kernel: Kernel, initramfs: string): Promise<{ verdict: Verdict | null; console: string }> {
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-cpu', 'max', '-m', '1024', '-smp', '2', '-nographic', '-no-reboot', '-nic', 'none'],
      ...['-kernel', kernel.image, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const timer = setTimeout(() => qemu.kill('SIGKILL'), BOOT_TIMEOUT_MS)
  const output = await text(qemu.stdout)
  clearTimeout(timer)
  const found = MARK.exec(output)?.[1]
  return { verdict: found === undefined ? null : (JSON.parse(found) as Verdict), console: output }
}

function judge(kernel: Kernel, verdict: Verdict | null): string | null {
  if (verdict === null) return 'the machine gave no verdict'
  if (TOO_OLD.has(kernel.version)) {
    return !verdict.captured && /too old/.test(verdict.reason ?? '') ? null : 'it should have said that it is too old'
  }
  if (!verdict.captured) return verdict.reason ?? 'nothing was captured'
  const missing = DEEDS.filter((deed) => !verdict.found?.includes(deed))
  if (missing.length > 0) return `not seen: ${missing.join(', ')}`
  return verdict.warnings?.length ? 'a part of capture did not load' : null
}

const folder = mkdtempSync(join(tmpdir(), 'seamark-kernels-'))
try {
  const only = process.argv.slice(2).find((argument) => !argument.startsWith('--'))
  const kernels = fetchKernels(join(ROOT, 'native/build/kernels'), only)
  const initramfs = buildInitramfs(folder)
  for (const kernel of kernels) {
    const started = Date.now()
    const { verdict, console: output } = await boot(kernel, initramfs)
    const problem = judge(kernel, verdict)
    const seconds = ((Date.now() - started) / 1000).toFixed(0)
    console.log(`${problem === null ? 'ok    ' : 'FAILED'} Linux ${verdict?.release ?? kernel.version} (${seconds} s)`)
    console.log(`       ${verdict?.captured ? verdict.found?.join(', ') : (verdict?.reason ?? output.slice(-1500))}`)
    for (const warning of verdict?.warnings ?? []) console.log(`       ${warning}`)
    if (process.argv.includes('--logs')) console.log(verdict?.logs?.join('\n'))
    if (problem !== null) {
      console.log(`       ${problem}\n${verdict?.logs?.join('\n') ?? ''}`)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
