/** Containers as a capture names them: in the cgroups of its threads, and in events that carry an engine's answer. */
import type { Row } from '../../../core/batch/builder.ts'
import { fromText } from '../../../core/batch/strings.ts'
import { containersOfCgroupPath } from '../../host/cgroup-path.ts'
import type { ContainerFacts } from '../../host/container-facts.ts'
import { containerRowOf } from '../../host/container-row.ts'

const SHORT_ID_CHARS = 12
const MAX_CONTAINERS = 10_000
const RUNTIMES = new Map([
  [0, 'docker'],
  [1, 'lxc'],
  [2, 'libvirt-lxc'],
  [3, 'mesos'],
  [4, 'rkt'],
  [6, 'cri'],
  [7, 'containerd'],
  [8, 'cri-o'],
  [9, 'bpm'],
  [11, 'podman'],
])

export class CapturedContainers {
  /** By the first characters of the id, which is all that some writers keep. */
  private readonly byShortId = new Map<string, ContainerFacts>()
  /** Cgroups repeat: most threads of a host share a few. */
  private readonly idsByCgroups = new Map<string, string | undefined>()

  clear(): void {
    this.byShortId.clear()
    this.idsByCgroups.clear()
  }

  /** Id of the container whose cgroups these are (`subsystem=path`, a NUL after each); undefined on the host. */
  idOf(cgroups: string): string | undefined {
    if (this.idsByCgroups.has(cgroups)) return this.idsByCgroups.get(cgroups)
    let id: string | undefined
    for (const entry of cgroups.split('\0')) {
      const [found] = containersOfCgroupPath(entry.slice(entry.indexOf('=') + 1))
      if (found === undefined) continue
      id = found.id
      if (!this.byShortId.has(found.id.slice(0, SHORT_ID_CHARS))) this.put({ id: found.id, runtime: found.runtime })
      break
    }
    if (this.idsByCgroups.size >= MAX_CONTAINERS) this.idsByCgroups.clear()
    this.idsByCgroups.set(cgroups, id)
    return id
  }

  /** Takes in an event's JSON; what is not of its shape is ignored. */
  learn(json: string): void {
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(json, 'latin1').toString('utf8'))
    } catch {
      return
    }
    const container = member(value, 'container')
    const id = text(container, 'id')
    if (id === undefined) return
    const full = text(container, 'full_id') ?? this.byShortId.get(id.slice(0, SHORT_ID_CHARS))?.id ?? id
    this.put({ id: full, ...factsOf(container) })
  }

  rowOf(id: string): Row {
    return containerRowOf(this.byShortId.get(id.slice(0, SHORT_ID_CHARS)) ?? { id, runtime: 'docker' })
  }

  private put(facts: ContainerFacts): void {
    if (this.byShortId.size >= MAX_CONTAINERS) this.byShortId.clear()
    this.byShortId.set(facts.id.slice(0, SHORT_ID_CHARS), facts)
  }
}

function factsOf(container: unknown): Omit<ContainerFacts, 'id'> {
  const facts: Omit<ContainerFacts, 'id'> = { runtime: RUNTIMES.get(Number(member(container, 'type'))) ?? 'docker' }
  const set = <K extends 'name' | 'imageName' | 'imageRepository' | 'imageTag' | 'imageId' | 'imageDigest' | 'ip'>(
    key: K,
    name: string,
  ) => {
    const value = text(container, name)
    if (value !== undefined) facts[key] = value
  }
  set('name', 'name')
  set('imageName', 'image')
  set('imageRepository', 'imagerepo')
  set('imageTag', 'imagetag')
  set('imageId', 'imageid')
  set('imageDigest', 'imagedigest')
  set('ip', 'ip')
  const privileged = member(container, 'privileged')
  if (typeof privileged === 'boolean') facts.privileged = privileged
  const mounts = member(container, 'Mounts')
  if (Array.isArray(mounts)) {
    facts.inspected = true
    facts.mounts = mounts.map((mount: unknown) => ({
      source: text(mount, 'Source') ?? '',
      destination: text(mount, 'Destination') ?? '',
      mode: text(mount, 'Mode') ?? '',
      isWritable: member(mount, 'RW') === true,
      propagation: text(mount, 'Propagation') ?? '',
    }))
  }
  const labels = member(container, 'labels')
  if (typeof labels === 'object' && labels !== null) {
    facts.labels = Object.entries(labels).map(([key, value]) => fromText(`${key}=${String(value)}`))
  }
  return facts
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/** As a byte string; NUL, which no name holds, would take a list apart. */
function text(value: unknown, name: string): string | undefined {
  const found = member(value, name)
  return typeof found === 'string' && found !== '' ? fromText(found.replaceAll('\0', '')) : undefined
}
