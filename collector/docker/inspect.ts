/** What the engine says of one container, in the form the container registry keeps. Text becomes byte strings here. */
import { fromText } from '../../core/batch/strings.ts'
import { AppError } from '../../core/model/errors.ts'
import type { ContainerFacts } from '../host/container-facts.ts'
import type { Engine } from './engine.ts'
import { splitImageReference } from './image-reference.ts'

/** The part of `GET /containers/{id}/json` that is read. Everything can be missing on some engine. */
export interface InspectAnswer {
  Id: string
  Name?: string
  Created?: string
  Image?: string
  State?: { StartedAt?: string; Pid?: number }
  Config?: {
    Image?: string
    Labels?: Record<string, string> | null
    Healthcheck?: { Test?: string[] | null } | null
  }
  HostConfig?: {
    Privileged?: boolean
    NetworkMode?: string
    PidMode?: string
    IpcMode?: string
    CapAdd?: string[] | null
  }
  Mounts?: { Source?: string; Destination?: string; Mode?: string; RW?: boolean; Propagation?: string }[]
  NetworkSettings?: { IPAddress?: string; Networks?: Record<string, { IPAddress?: string }> | null }
}

const MAX_MOUNTS = 200
const MAX_LABELS = 200
const MAX_HEALTHCHECK_WORDS = 200

export function factsOfInspect(answer: InspectAnswer): ContainerFacts {
  const host = answer.HostConfig ?? {}
  const ip =
    answer.NetworkSettings?.IPAddress ||
    Object.values(answer.NetworkSettings?.Networks ?? {}).find((network) => network?.IPAddress)?.IPAddress
  return {
    id: fromText(answer.Id),
    runtime: 'docker',
    inspected: true,
    ...optional('name', answer.Name === undefined ? undefined : fromText(answer.Name.replace(/^\//, ''))),
    ...splitImageReference(answer.Config?.Image ?? ''),
    ...optional('imageId', answer.Image === undefined ? undefined : fromText(answer.Image.replace(/^sha256:/, ''))),
    labels: labelEntries(answer.Config?.Labels ?? {}),
    privileged: host.Privileged === true,
    mounts: (answer.Mounts ?? []).slice(0, MAX_MOUNTS).map((mount) => ({
      source: fieldOf(mount.Source),
      destination: fieldOf(mount.Destination),
      mode: fieldOf(mount.Mode),
      isWritable: mount.RW ?? false,
      propagation: fieldOf(mount.Propagation),
    })),
    capAdd: (host.CapAdd ?? []).map(fromText),
    ...optional('healthcheck', healthcheckOf(answer.Config?.Healthcheck?.Test)),
    hostNetwork: host.NetworkMode === 'host',
    hostPid: host.PidMode === 'host',
    hostIpc: host.IpcMode === 'host',
    ...optional('ip', ip ? fromText(ip) : undefined),
    ...optional('createdNs', isoToNs(answer.Created)),
    ...optional('startedNs', isoToNs(answer.State?.StartedAt)),
    ...optional('pid', answer.State?.Pid || undefined),
  }
}

/** `["CMD", …]` or `["CMD-SHELL", text]`; `["NONE"]` and an empty list mean that there is none. */
function healthcheckOf(test: readonly string[] | null | undefined): string[] | undefined {
  if (!Array.isArray(test) || test.length < 2) return undefined
  return test.slice(0, MAX_HEALTHCHECK_WORDS).map((word) => fieldOf(String(word)))
}

/** NUL separates the parts of a mount; JSON could hold one, no path can. */
function fieldOf(text: string | undefined): string {
  return fromText((text ?? '').replaceAll('\0', '\ufffd'))
}

export function labelEntries(labels: Record<string, string>): string[] {
  return Object.entries(labels)
    .slice(0, MAX_LABELS)
    .map(([key, value]) => fromText(`${key}=${value}`))
}

/** RFC 3339 with up to ns; undefined for Docker's zero time (`0001-01-01…`) and for nonsense. */
export function isoToNs(text: string | undefined): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text ?? '')
  if (match === null) return undefined
  const ms = Date.parse(`${match[1]}${match[3]}`)
  if (!Number.isFinite(ms) || ms <= 0) return undefined
  return BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0') || '0')
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V })
}

/** Asks the engine about one container; tells "there is none" from "nobody answers". */
export async function factsOfContainer(
  engine: Engine,
  id: string,
): Promise<ContainerFacts | 'unknown' | 'unreachable'> {
  if (!/^[0-9a-f]{12,64}$/.test(id)) return 'unknown'
  try {
    return factsOfInspect(await engine.call<InspectAnswer>(`/containers/${id}/json`, { timeoutMs: 5_000 }))
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_DOCKER_REFUSED' && !error.retryable) return 'unknown'
    return 'unreachable'
  }
}
