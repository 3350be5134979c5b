/** Calls that make, change and end processes. */
import type { Row } from '../../../core/batch/builder.ts'
import { EXE_FLAGS } from '../../../core/batch/columns.ts'
import { absolutePath } from '../../../core/fields/paths.ts'
import { type CallHandler, type CallRow, descriptorOf, present, type ReturnedCall, resolved } from './call.ts'
import { cloneFlagsOf, execveatFlagsOf } from './flags.ts'
import { withSlash } from './process-rows.ts'
import type { ScapEvent } from './scap-event.ts'
import { newThread, type ThreadFacts } from './threads.ts'

const CLONE_FILES = 0x400
const CLONE_PARENT = 0x8000
const CLONE_THREAD = 0x10000
const PR_SET_NAME = 15
const MAX_NAME_BYTES = 15
/** As much of arguments and environment as a capture's list of processes can hold. */
const MAX_LIST_BYTES = 4096
const UNCHANGED = 0xffffffff
const WRITABLE = 1
const UPPER_LAYER = 2
const MEMFD = 4
const LOWER_LAYER = 8

function list(event: ScapEvent, name: string): string | undefined {
  return event.bytes(name)?.toString('latin1', 0, MAX_LIST_BYTES)
}

/** What an event says of its thread's image and identity. */
function factsIn({ event, machine }: ReturnedCall): ThreadFacts {
  const facts: ThreadFacts = {}
  const set = <K extends keyof ThreadFacts>(name: K, value: ThreadFacts[K] | undefined) => {
    if (value !== undefined) facts[name] = value
  }
  set('comm', event.text('comm'))
  set('exe', event.text('exe'))
  set('args', list(event, 'args'))
  set('env', list(event, 'env'))
  set('cwd', cwdOf(event.text('cwd')))
  set('uid', event.number('uid'))
  set('gid', event.number('gid'))
  set('vtid', event.number('vtid'))
  set('vpid', event.number('vpid'))
  set('fdLimit', event.number('fdlimit'))
  set('majorFaults', event.number('pgft_maj'))
  set('minorFaults', event.number('pgft_min'))
  set('vmSizeKb', event.number('vm_size'))
  set('vmRssKb', event.number('vm_rss'))
  set('vmSwapKb', event.number('vm_swap'))
  const cgroups = list(event, 'cgroups')
  set('cgroups', cgroups)
  if (cgroups !== undefined) facts.containerId = machine.containers.idOf(cgroups)
  return facts
}

/** A directory as a capture has it ends in a slash or not. */
function cwdOf(path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : path
}

const exec: CallHandler = (call) => {
  const { event, thread, machine, result } = call
  const filename = event.text('filename')
  const captured = event.number('atflags')
  const row: Row = present({
    rawPath: filename,
    dirFd: event.number('dirfd'),
    flags: captured === undefined ? undefined : execveatFlagsOf(captured),
  })
  if (result !== 0) return { table: 'exec', row }
  const facts = { ...thread.facts, ...factsIn(call) }
  const set = <K extends keyof ThreadFacts>(name: K, value: ThreadFacts[K] | undefined) => {
    if (value !== undefined) facts[name] = value
  }
  if (event.text('args') === undefined) facts.args = ''
  facts.comm ??= facts.exe?.slice(facts.exe.lastIndexOf('/') + 1, MAX_NAME_BYTES)
  facts.exePath =
    event.text('exepath') ?? (filename === undefined ? undefined : resolved(call, filename, event.number('dirfd')))
  set('tty', event.number('tty') ?? 0)
  set('vpgid', event.number('vpgid'))
  set('pgid', event.number('pgid'))
  set('loginUid', event.number('loginuid'))
  set('capInheritable', event.number('cap_inheritable'))
  set('capPermitted', event.number('cap_permitted'))
  set('capEffective', event.number('cap_effective'))
  facts.exeInode = event.number('exe_ino')
  facts.exeCtimeNs = event.time('exe_ctime')
  facts.exeMtimeNs = event.time('exe_mtime')
  const told = event.number('exeflags')
  const flags = told ?? 0
  facts.exeFlags =
    (flags & WRITABLE ? EXE_FLAGS.writable : 0) |
    (flags & UPPER_LAYER ? EXE_FLAGS.upperLayer : 0) |
    (flags & MEMFD ? EXE_FLAGS.memfd : 0) |
    (flags & LOWER_LAYER ? EXE_FLAGS.lowerLayer : 0)
  thread.facts = facts
  thread.execCount++
  if (thread.isUnknown) {
    thread.isUnknown = false
    thread.pid = event.number('pid') ?? thread.tid
    machine.threads.setParent(thread, event.number('ptid') ?? -1)
    facts.vpid ??= thread.pid
    facts.vtid ??= thread.tid
  }
  machine.threads.changed(thread)
  const columns = execColumns(facts)
  // Older events do not tell them; of the process they count as not set, as in Falco.
  if (told === undefined) delete columns.exeFlags
  return { table: 'exec', row: { ...row, ...columns } }
}

function execColumns(facts: ThreadFacts): Row {
  return present({
    comm: facts.comm,
    exePath: facts.exePath,
    argv: facts.exe === undefined ? undefined : `${facts.exe}\0${facts.args ?? ''}`,
    env: facts.env,
    cwd: withSlash(facts.cwd),
    tty: facts.tty,
    sid: facts.sid,
    pgid: facts.pgid,
    vpgid: facts.vpgid,
    loginUid: facts.loginUid,
    capPermitted: facts.capPermitted,
    capEffective: facts.capEffective,
    capInheritable: facts.capInheritable,
    exeInode: facts.exeInode,
    exeCtime: facts.exeCtimeNs,
    exeMtime: facts.exeMtimeNs,
    exeFlags: facts.exeFlags,
  })
}

/** Seen in the parent (the result is the child) and again in the child (the result is 0). */
const clone: CallHandler = (call) => {
  const { event, result } = call
  const captured = event.number('flags')
  const flags = captured === undefined ? 0 : cloneFlagsOf(captured)
  const row: Row = present({ flags: captured === undefined ? undefined : flags })
  if (result === 0) beginChild(call, flags)
  else if (result !== undefined && result > 0) {
    row.childPid = result
    foreseeChild(call, flags, result)
  }
  return { table: 'lifecycle', row }
}

/** What the parent's event says of the child. In a container its number is not the host's: the child's event tells. */
function foreseeChild({ thread, machine, timeNs }: ReturnedCall, flags: number, tid: number): void {
  const { threads } = machine
  if (thread.isUnknown || (thread.facts.vtid ?? thread.tid) !== thread.tid || threads.find(tid) !== undefined) return
  const isThread = (flags & CLONE_THREAD) !== 0
  const main = threads.leader(thread)
  const sharesParent = isThread || (flags & CLONE_PARENT) !== 0
  const child = newThread(tid, isThread ? thread.pid : tid, sharesParent ? main.ptid : thread.pid, {
    ...thread.facts,
    vtid: tid,
    vpid: isThread ? (thread.facts.vpid ?? thread.pid) : tid,
  })
  child.startNs = timeNs
  child.descriptors =
    isThread || (flags & CLONE_FILES) !== 0 ? main.descriptors : threads.copyDescriptors(main.descriptors)
  threads.put(child)
}

function beginChild(call: ReturnedCall, flags: number): void {
  const { event, thread, machine, timeNs } = call
  const { threads } = machine
  const facts = factsIn(call)
  const ptid = event.number('ptid') ?? thread.ptid
  if (thread.isUnknown) {
    const parent = threads.find(ptid)
    if (parent !== undefined) {
      thread.facts = { ...parent.facts }
      const { descriptors } = threads.leader(parent)
      const shares = (flags & (CLONE_THREAD | CLONE_FILES)) !== 0
      threads.setTable(thread, shares ? descriptors : threads.copyDescriptors(descriptors))
    }
    thread.startNs = timeNs
    thread.isUnknown = false
  }
  thread.pid = event.number('pid') ?? thread.pid
  threads.setParent(thread, ptid)
  Object.assign(thread.facts, facts)
  threads.changed(thread)
}

const exit: CallHandler = ({ event }) => {
  const status = event.number('status')
  return {
    table: 'lifecycle',
    row: present({
      exitCode: event.number('ret') ?? (status === undefined ? undefined : (status >> 8) & 0xff),
      exitSignal: event.number('sig'),
    }),
  }
}

/** Calls that set user or group ids: which parameter becomes the effective one. */
function identity(effective: 'uid' | 'gid', parameters: readonly string[]): CallHandler {
  return ({ event, thread, machine, result }) => {
    const values = parameters.map((name) => event.number(name))
    const value = values.length === 1 ? values[0] : values[1]
    if (result === 0 && value !== undefined && value !== UNCHANGED) {
      thread.facts = { ...thread.facts, [effective]: value }
      machine.threads.changed(thread)
    }
    const row: Row = present({ arg0: values[0], arg1: values[1], arg2: values[2] })
    if (value !== undefined) row[effective === 'uid' ? 'argUid' : 'argGid'] = value
    return { table: 'call', row }
  }
}

const other = (row: Row = {}): CallRow => ({ table: 'call', row })

const setsid: CallHandler = ({ thread, machine, result }) => {
  if (result !== undefined && result >= 0 && !thread.isUnknown) {
    thread.facts = { ...thread.facts, sid: thread.pid, pgid: thread.pid, vpgid: thread.facts.vpid ?? result }
    machine.threads.changed(thread)
  }
  return other()
}

const setpgid: CallHandler = ({ event, thread, machine, result }) => {
  const pid = event.number('pid')
  const pgid = event.number('pgid')
  const target = pid === undefined || pid === 0 ? thread : machine.threads.find(pid)
  if (result === 0 && pgid !== undefined && target !== undefined && !target.isUnknown) {
    target.facts = { ...target.facts, vpgid: pgid === 0 ? (target.facts.vpid ?? target.pid) : pgid }
    machine.threads.changed(target)
  }
  return other(present({ arg0: pid, arg1: pgid }))
}

const capset: CallHandler = ({ event, thread, machine, result }) => {
  if (result === 0) {
    const facts = { ...thread.facts }
    facts.capInheritable = event.number('cap_inheritable') ?? facts.capInheritable
    facts.capPermitted = event.number('cap_permitted') ?? facts.capPermitted
    facts.capEffective = event.number('cap_effective') ?? facts.capEffective
    thread.facts = facts
    machine.threads.changed(thread)
  }
  return other()
}

const prctl: CallHandler = ({ event, thread, machine, result }) => {
  const option = event.number('option')
  const text = event.text('text')
  if (result === 0 && option === PR_SET_NAME && text !== undefined) {
    thread.facts = { ...thread.facts, comm: text.slice(0, MAX_NAME_BYTES) }
    machine.threads.changed(thread)
  }
  return other(present({ arg0: option, arg1: event.number('value'), text0: text }))
}

function moveTo({ thread, machine }: ReturnedCall, path: string): void {
  const main = machine.threads.leader(thread)
  main.facts = { ...main.facts, cwd: path }
  machine.threads.changed(main)
}

const chdir: CallHandler = (call) => {
  const raw = call.event.text('path')
  if (raw === undefined) return { table: 'file', row: {} }
  const path = resolved(call, raw, undefined)
  if (call.result === 0) moveTo(call, path)
  return { table: 'file', row: { rawPath: raw, path } }
}

const fchdir: CallHandler = (call) => {
  const fd = call.event.number('fd')
  const path = descriptorOf(call, fd)?.name
  if (call.result === 0 && path !== undefined) moveTo(call, absolutePath(path, undefined))
  return { table: 'file', row: present({ fd, path, fdType: path === undefined ? undefined : 'd'.charCodeAt(0) }) }
}

export const PROCESS_CALLS: Readonly<Record<string, CallHandler>> = {
  execve: exec,
  execveat: exec,
  clone,
  clone3: clone,
  fork: clone,
  vfork: clone,
  procexit: exit,
  setuid: identity('uid', ['uid']),
  setgid: identity('gid', ['gid']),
  setresuid: identity('uid', ['ruid', 'euid', 'suid']),
  setreuid: identity('uid', ['ruid', 'euid']),
  setregid: identity('gid', ['rgid', 'egid']),
  setresgid: identity('gid', ['rgid', 'egid', 'sgid']),
  setsid,
  setpgid,
  capset,
  prctl,
  chdir,
  fchdir,
}
