/** What is known of a container and its pod, as a row of the container table. */
import type { Row } from '../../core/batch/builder.ts'
import type { ContainerFacts, Mount } from './container-facts.ts'
import { podLabels, probesOf } from './pod-facts.ts'

/** The row of the container table. `sandbox` is what holds the namespaces of its pod, where it is in one. */
export function containerRowOf(facts: ContainerFacts, sandbox?: ContainerFacts): Row {
  const flags =
    (facts.inspected ? 1 : 0) | (facts.hostNetwork ? 2 : 0) | (facts.hostPid ? 4 : 0) | (facts.hostIpc ? 8 : 0)
  const row: Row = { containerId: facts.id, containerRuntime: facts.runtime, containerFlags: flags }
  const set = <K extends keyof Row>(column: K, value: Row[K] | undefined) => {
    if (value !== undefined) row[column] = value
  }
  set('containerName', facts.name)
  set('imageName', facts.imageName)
  set('imageRepository', facts.imageRepository)
  set('imageTag', facts.imageTag)
  set('imageId', facts.imageId)
  set('imageDigest', facts.imageDigest)
  set('labels', facts.labels?.join('\0'))
  set('privileged', facts.privileged === undefined ? undefined : Number(facts.privileged))
  set('mounts', facts.mounts?.map(mountText).join('\0'))
  set('capAdd', facts.capAdd?.join('\0'))
  set('containerIp', facts.ip)
  set('healthcheck', facts.healthcheck?.join('\0'))
  if (sandbox !== undefined) {
    set('podLabels', podLabels(sandbox).join('\0'))
    set('podIp', sandbox.ip)
    const probes = probesOf(facts, sandbox)
    set('livenessProbe', probes.liveness?.join('\0'))
    set('readinessProbe', probes.readiness?.join('\0'))
  }
  set('containerCreatedTime', facts.createdNs)
  set('containerStartTime', facts.startedNs)
  return row
}

/** Its five parts, separated by NUL: the only byte that no path can hold. */
function mountText({ source, destination, mode, isWritable, propagation }: Mount): string {
  return [source, destination, mode, String(isWritable), propagation].join('\0')
}
