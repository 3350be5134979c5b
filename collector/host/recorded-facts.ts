/**
 * What names things in a recording: containers as the engine described them, and whose each cgroup is that was there
 * before the recording began. Stored as JSON with a version; what a recording says is checked when it is read.
 */
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { ContainerName } from './cgroup-path.ts'
import type { ContainerFacts } from './container-facts.ts'

export interface RecordedFacts {
  containers: ContainerFacts[]
  /** By cgroup id; owners as of Cgroups. */
  cgroups: { id: number; owners: readonly ContainerName[] }[]
}

const VERSION = 1

const text = Type.String()
const optionalText = Type.Optional(text)
const optionalFlag = Type.Optional(Type.Boolean())
const optionalNs = Type.Optional(Type.String({ pattern: '^-?\\d{1,19}$' }))

const Container = Type.Object({
  id: text,
  runtime: text,
  name: optionalText,
  imageName: optionalText,
  imageRepository: optionalText,
  imageTag: optionalText,
  imageId: optionalText,
  imageDigest: optionalText,
  labels: Type.Optional(Type.Array(text)),
  inspected: optionalFlag,
  privileged: optionalFlag,
  mounts: Type.Optional(
    Type.Array(
      Type.Object({ source: text, destination: text, mode: text, isWritable: Type.Boolean(), propagation: text }),
    ),
  ),
  capAdd: Type.Optional(Type.Array(text)),
  healthcheck: Type.Optional(Type.Array(text)),
  hostNetwork: optionalFlag,
  hostPid: optionalFlag,
  hostIpc: optionalFlag,
  ip: optionalText,
  createdNs: optionalNs,
  startedNs: optionalNs,
})

const Stored = Type.Object({
  version: Type.Literal(VERSION),
  containers: Type.Array(Container),
  cgroups: Type.Array(Type.Object({ id: Type.Number(), owners: Type.Array(Type.Object({ id: text, runtime: text })) })),
})

/** Pids mean nothing on the machine that replays; they are left out. */
export function encodeRecordedFacts({ containers, cgroups }: RecordedFacts): Uint8Array {
  const stored: Static<typeof Stored> = {
    version: VERSION,
    containers: containers.map(({ pid: _, createdNs, startedNs, ...facts }) => ({
      ...facts,
      ...(createdNs === undefined ? {} : { createdNs: String(createdNs) }),
      ...(startedNs === undefined ? {} : { startedNs: String(startedNs) }),
    })),
    cgroups: cgroups.map(({ id, owners }) => ({ id, owners: [...owners] })),
  }
  return Buffer.from(JSON.stringify(stored))
}

/** Null where the bytes are no facts of this version. */
export function decodeRecordedFacts(bytes: Uint8Array): RecordedFacts | null {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return null
  }
  if (!Value.Check(Stored, value)) return null
  return {
    // Only what the schema names: a recording can come from anybody.
    containers: (Value.Clean(Stored, value) as Static<typeof Stored>).containers.map(
      ({ createdNs, startedNs, ...facts }) => ({
        ...facts,
        ...(createdNs === undefined ? {} : { createdNs: BigInt(createdNs) }),
        ...(startedNs === undefined ? {} : { startedNs: BigInt(startedNs) }),
      }),
    ),
    cgroups: value.cgroups,
  }
}
