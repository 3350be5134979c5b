/**
 * The parts of documents that follow from an event's process and container alone. They are written once per process and
 * container of a batch and kept as text: a batch has many events of few processes.
 */
import type { Batch } from '../batch/batch.ts'
import { EXE_FLAGS } from '../batch/columns.ts'
import { toText } from '../batch/strings.ts'
import { type Cursor, MAX_ANCESTORS } from './cursor.ts'
import { type Json, numeral, objectOf, put, quoted, quotedText } from './json-text.ts'
import { argumentList, commandLineOf } from './process-facts.ts'
import { timestampText } from './time-text.ts'

/** Characters of one text in a document. */
export const MAX_TEXT = 8192
const MAX_ARGUMENTS = 128
export const MAX_ENTRIES = 64
export const MAX_DOCUMENT_ANCESTORS = 16
const MAX_ANCESTOR_LINE = 1024
/** Characters kept for one batch before all are forgotten: rows of a hostile batch may share long texts. */
const MAX_KEPT_CHARS = 32 * 1024 * 1024

/** Of one process; `process` is in pieces, because some of its members follow from the event. */
interface ProcessParts {
  /** Members of `process` up to the thread's. */
  head: string
  /** From there to the exit code's. */
  middle: string
  tail: string
  /** Members of the document. */
  userAndGroup: string
  ancestry: Json | undefined
}

const NOBODY: ProcessParts = { head: '', middle: '', tail: '', userAndGroup: '', ancestry: undefined }

export class ProcessDocuments {
  private batch: Batch | null = null
  private keptChars = 0
  private processes: (ProcessParts | undefined)[] = []
  /** What stands for a process wherever it is one, and as an ancestor; by row. */
  private singles: (string | undefined)[] = []
  private ancestors: (Json | undefined)[] = []
  private containers: (string | undefined)[] = []

  /** Of the process that the cursor stands on. */
  ofProcess(cursor: Cursor): ProcessParts {
    if (cursor.process < 0) return NOBODY
    this.use(cursor.batch)
    const known = this.processes[cursor.process]
    if (known !== undefined) return known
    const parts = this.describe(cursor)
    this.processes[cursor.process] = parts
    const { head, middle, tail, userAndGroup, ancestry } = parts
    this.count(head.length + middle.length + tail.length + userAndGroup.length + (ancestry?.length ?? 0))
    return parts
  }

  /** Members of the document for the container that the cursor stands on: `container` and `orchestrator`. */
  ofContainer(cursor: Cursor): string {
    if (cursor.container < 0) return ''
    this.use(cursor.batch)
    let members = this.containers[cursor.container]
    if (members === undefined) {
      members = put(put('', '"container":', containerOf(cursor)), '"orchestrator":', orchestratorOf(cursor))
      this.containers[cursor.container] = members
      this.count(members.length)
    }
    return members
  }

  /** Lets go of the batch. */
  forget(): void {
    this.batch = null
    this.keptChars = 0
    this.processes = []
    this.singles = []
    this.ancestors = []
    this.containers = []
  }

  private use(batch: Batch): void {
    if (batch === this.batch && this.keptChars <= MAX_KEPT_CHARS) return
    this.forget()
    this.batch = batch
  }

  private count(chars: number): void {
    this.keptChars += chars
  }

  private describe(cursor: Cursor): ProcessParts {
    const parent = cursor.ancestor(1)
    const flags = cursor.processNumber('exeFlags')
    const tty = cursor.processNumber('tty')
    const head = put(this.single(cursor, cursor.process), '"vpid":', numeral(cursor.processNumber('vpid')))
    let middle = put('', '"session_leader":', pidOnly(cursor.processNumber('sid')))
    middle = put(middle, '"group_leader":', pidOnly(cursor.processNumber('pgid')))
    middle = put(middle, '"interactive":', tty === undefined ? undefined : String(tty !== 0))
    middle = put(middle, '"tty":', tty === undefined || tty === 0 ? undefined : deviceOf(tty))
    const above = parent < 0 ? put('', '"pid":', numeral(cursor.processNumber('ppid'))) : this.single(cursor, parent)
    let tail = put('', '"parent":', objectOf(above))
    tail = put(tail, '"is_exe_upper_layer":', flagOf(flags, EXE_FLAGS.upperLayer))
    tail = put(tail, '"is_exe_from_memfd":', flagOf(flags, EXE_FLAGS.memfd))
    const user = put(put('', '"id":', idOf(cursor, 'uid')), '"name":', text(cursor.processText('userName')))
    const group = put(put('', '"id":', idOf(cursor, 'gid')), '"name":', text(cursor.processText('groupName')))
    return {
      head,
      middle,
      tail,
      userAndGroup: put(put('', '"user":', objectOf(user)), '"group":', objectOf(group)),
      ancestry: this.ancestry(cursor),
    }
  }

  private single(cursor: Cursor, process: number): string {
    const known = this.singles[process]
    if (known !== undefined) return known
    const list = argumentList(cursor.processText('argv', process))
    const start = cursor.processTime('startTime', process)
    let members = put('', '"pid":', numeral(cursor.processNumber('pid', process)))
    members = put(members, '"name":', text(cursor.processText('comm', process)))
    members = put(members, '"executable":', text(cursor.processText('exePath', process)))
    members = put(members, '"command_line":', text(commandLineOf(cursor, process)))
    const some = list?.slice(0, MAX_ARGUMENTS).map((argument) => text(argument))
    members = put(members, '"args":', some === undefined ? undefined : `[${some.join(',')}]`)
    members = put(members, '"args_count":', numeral(list?.length))
    members = put(members, '"working_directory":', text(cursor.processText('cwd', process)))
    members = put(members, '"start":', start === undefined ? undefined : `"${timestampText(start)}"`)
    this.singles[process] = members
    this.count(members.length)
    return members
  }

  /** From the parent upwards; ends where the ancestors do, or after a bounded number of them. */
  private ancestry(cursor: Cursor): Json | undefined {
    const found: Json[] = []
    for (let i = 1; i <= Math.min(MAX_ANCESTORS, MAX_DOCUMENT_ANCESTORS); i++) {
      const process = cursor.ancestor(i)
      if (process < 0) break
      found.push(this.ancestor(cursor, process))
    }
    return found.length === 0 ? undefined : `[${found.join(',')}]`
  }

  private ancestor(cursor: Cursor, process: number): Json {
    const known = this.ancestors[process]
    if (known !== undefined) return known
    let members = put('', '"pid":', numeral(cursor.processNumber('pid', process)))
    members = put(members, '"name":', text(cursor.processText('comm', process)))
    members = put(members, '"executable":', text(cursor.processText('exePath', process)))
    const line = commandLineOf(cursor, process)
    const shown = line === undefined ? undefined : toText(line.slice(0, MAX_TEXT)).slice(0, MAX_ANCESTOR_LINE)
    members = put(members, '"command_line":', shown === undefined ? undefined : quotedText(shown))
    const json = `{${members}}`
    this.ancestors[process] = json
    this.count(json.length)
    return json
  }
}

/** A byte string as the JSON of a text of bounded length. */
export function text(value: string | undefined): Json | undefined {
  if (value === undefined) return undefined
  return quoted(value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value)
}

function pidOnly(pid: number | undefined): Json | undefined {
  return pid === undefined ? undefined : `{"pid":${numeral(pid)}}`
}

function idOf(cursor: Cursor, column: 'uid' | 'gid'): Json | undefined {
  const id = cursor.processNumber(column)
  return id === undefined ? undefined : `"${id}"`
}

function flagOf(flags: number | undefined, bit: number): Json | undefined {
  return flags === undefined ? undefined : String((flags & bit) !== 0)
}

function deviceOf(tty: number): Json {
  const major = (tty >>> 8) & 0xfff
  const minor = (tty & 0xff) | ((tty >>> 12) & 0xfff00)
  return `{"char_device":{"major":${major},"minor":${minor}}}`
}

function containerOf(cursor: Cursor): Json | undefined {
  const tag = text(cursor.containerText('imageTag'))
  const digest = text(cursor.containerText('imageDigest'))
  const privileged = cursor.containerNumber('privileged')
  let image = put('', '"name":', text(cursor.containerText('imageName')))
  image = put(image, '"tag":', tag === undefined ? undefined : `[${tag}]`)
  image = put(image, '"hash":', digest === undefined ? undefined : `{"all":[${digest}]}`)
  let members = put('', '"id":', text(cursor.containerText('containerId')))
  members = put(members, '"name":', text(cursor.containerText('containerName')))
  members = put(members, '"runtime":', text(cursor.containerText('containerRuntime')))
  members = put(members, '"image":', objectOf(image))
  const context = privileged === undefined ? undefined : `{"privileged":${privileged === 1}}`
  members = put(members, '"security_context":', context)
  members = put(members, '"labels":', labelsOf(cursor.containerText('labels')))
  return objectOf(members)
}

function orchestratorOf(cursor: Cursor): Json | undefined {
  const labels = argumentList(cursor.containerText('labels'))
  const label = (key: string) =>
    text(labels?.find((entry) => entry.startsWith(`io.kubernetes.${key}=`))?.slice(key.length + 15))
  const pod = label('pod.name')
  if (pod === undefined) return undefined
  const namespace = put('"type":"kubernetes"', '"namespace":', label('pod.namespace'))
  return `{${namespace},"resource":{"type":"pod","name":${pod}}}`
}

function labelsOf(list: string | undefined): Json | undefined {
  if (list === undefined) return undefined
  const entries: [string, string][] = []
  for (const entry of argumentList(list)!.slice(0, MAX_ENTRIES)) {
    const split = entry.indexOf('=')
    if (split > 0) entries.push([entry.slice(0, split), entry.slice(split + 1)])
  }
  return openObject(entries)
}

/** An object with keys of users' making, byte strings like its values; undefined without any. Of equal keys the last counts. */
export function openObject(entries: Iterable<readonly [string, string]>): Json | undefined {
  const found: Record<string, string> = Object.create(null)
  let isEmpty = true
  for (const [key, value] of entries) {
    // Dots in a key would make it a path of its own in the search store.
    found[toText(key).slice(0, 256).replaceAll('.', '_')] = toText(value.slice(0, MAX_TEXT))
    isEmpty = false
  }
  return isEmpty ? undefined : JSON.stringify(found)
}
