/** Says in words what the addon's probe found: what is seen, what is not, why, and what would mend it. */
import { getSystemErrorName } from 'node:util'
import type { Visibility } from '../../../core/model/source.ts'
import type { LoadedAddon, NativeObject, NativeProbe } from './addon.ts'

/** What is lost without each object. */
const OBJECT_SIGHT: Record<string, string> = {
  process: 'processes: exec, fork, exit',
  syscalls: 'files, connections and other system calls',
  cgroups: 'cgroups as they are made (the identity of short containers)',
  uring: 'files, connections and messages through io_uring',
}

/** Light skeletons need in-kernel relocation (5.17); the design goal is below, the honest bound is this. */
const OLDEST_KERNEL = '5.17'
const E2BIG = 7
const ENOENT = 2
const EPERM = 1
const EACCES = 13

export function describeVisibility(loaded: LoadedAddon, probe: NativeProbe | null): Visibility {
  const visibility: Visibility = { source: 'syscall', sees: [], blind: [] }
  const all = Object.values(OBJECT_SIGHT).join('; ')
  if (loaded.addon === null || probe === null) {
    visibility.blind.push({
      what: all,
      why: `the capture addon cannot be loaded (${loaded.addon === null ? loaded.reason : 'no probe'})`,
      fix: 'run `npm run native:build` (needs g++), or use an x86-64 Linux host with glibc 2.31 or newer',
    })
    return visibility
  }
  if (!probe.hasBtf) {
    visibility.blind.push({
      what: all,
      why: 'the kernel publishes no type information (/sys/kernel/btf/vmlinux is missing or unreadable)',
      fix: 'use a kernel built with CONFIG_DEBUG_INFO_BTF, and mount /sys in the container',
    })
    return visibility
  }
  for (const object of probe.objects) {
    const what = OBJECT_SIGHT[object.name] ?? object.name
    if (object.errno === 0) visibility.sees.push(what)
    else visibility.blind.push({ what, ...explainFailure(object, probe) })
  }
  return visibility
}

/** Why one object did not load, and the way to mend it. */
export function explainFailure(
  object: NativeObject,
  probe: Pick<NativeProbe, 'release' | 'hasCapabilities'>,
): { why: string; fix: string } {
  const errno = `${getSystemErrorName(-object.errno)} for ${object.reason}`
  if (!probe.hasCapabilities && (object.errno === EPERM || object.errno === EACCES)) {
    return {
      why: `no privilege to load programs into the kernel (${errno})`,
      fix: 'run as root, or give CAP_BPF and CAP_PERFMON (on engines that do not know them: CAP_SYS_ADMIN)',
    }
  }
  if (isOlderThan(probe.release, OLDEST_KERNEL) || object.errno === E2BIG) {
    return {
      why: `Linux ${probe.release} is too old to load the programs (${errno})`,
      fix: `use Linux ${OLDEST_KERNEL} or newer`,
    }
  }
  if (object.errno === ENOENT) {
    return {
      why: `Linux ${probe.release} lacks a hook or a type (${errno})`,
      fix: 'nothing to do on this kernel; the rest is captured',
    }
  }
  return {
    why: `the kernel refused the programs (${errno})`,
    fix: 'check kernel lockdown, seccomp and LSM policies, and report it with the kernel release',
  }
}

/** Compares `6.1.0-13-amd64` with `5.17`; a release that is not understood is not old. */
export function isOlderThan(release: string, version: string): boolean {
  const numbers = (text: string) => /^(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? []
  const [major = Number.NaN, minor = Number.NaN] = numbers(release)
  const [wantedMajor = 0, wantedMinor = 0] = numbers(version)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}
