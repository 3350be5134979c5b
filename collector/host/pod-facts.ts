/**
 * What the labels of containers say of the pod they are in. Kubernetes has Docker run a sandbox container for each pod,
 * which carries the labels and annotations of the pod itself; the others name it. Labels may be anybody's: what does not
 * parse is left out.
 */
import { fromText, toText } from '../../core/batch/strings.ts'
import type { ContainerFacts } from './container-facts.ts'

const SANDBOX = 'io.kubernetes.sandbox.id'
const KIND = 'io.kubernetes.docker.type'
const CONTAINER_NAME = 'io.kubernetes.container.name'
const LAST_APPLIED = 'annotation.kubectl.kubernetes.io/last-applied-configuration'
const NOT_OF_THE_POD = ['io.kubernetes.', 'annotation.']
const MAX_CONFIGURATION_CHARS = 256 * 1024
const MAX_WORDS = 200

/** Id of the sandbox: its own for the sandbox itself, undefined outside of pods. */
export function sandboxId(facts: ContainerFacts): string | undefined {
  return labelOf(facts, KIND) === 'podsandbox' ? facts.id : labelOf(facts, SANDBOX)
}

/** `key=value` of the pod's own labels, without what Kubernetes adds for itself. */
export function podLabels(sandbox: ContainerFacts): string[] {
  return (sandbox.labels ?? []).filter((entry) => !NOT_OF_THE_POD.some((start) => entry.startsWith(start)))
}

export interface Probes {
  liveness?: string[]
  readiness?: string[]
}

/** By the container's facts: a configuration may be long, and is asked for with every batch. */
const known = new WeakMap<ContainerFacts, { sandbox: ContainerFacts; probes: Probes }>()

/** Commands of the probes that the pod's last applied configuration gives the container; those without a command have none. */
export function probesOf(facts: ContainerFacts, sandbox: ContainerFacts): Probes {
  const before = known.get(facts)
  if (before?.sandbox === sandbox) return before.probes
  const probes = readProbes(facts, sandbox)
  known.set(facts, { sandbox, probes })
  return probes
}

function readProbes(facts: ContainerFacts, sandbox: ContainerFacts): Probes {
  const text = labelOf(sandbox, LAST_APPLIED)
  const name = labelOf(facts, CONTAINER_NAME)
  if (text === undefined || name === undefined || text.length > MAX_CONFIGURATION_CHARS) return {}
  const containers = at(at(parsed(toText(text)), 'spec'), 'containers')
  const own = Array.isArray(containers) ? containers.find((one) => at(one, 'name') === toText(name)) : undefined
  const liveness = command(at(own, 'livenessProbe'))
  const readiness = command(at(own, 'readinessProbe'))
  return { ...(liveness === null ? {} : { liveness }), ...(readiness === null ? {} : { readiness }) }
}

function command(probe: unknown): string[] | null {
  const words = at(at(probe, 'exec'), 'command')
  if (!Array.isArray(words) || words.length === 0 || !words.every((word) => typeof word === 'string')) return null
  return words.slice(0, MAX_WORDS).map((word) => fromText(word.replaceAll('\0', '\ufffd')))
}

function labelOf({ labels = [] }: ContainerFacts, key: string): string | undefined {
  return labels.find((entry) => entry.startsWith(`${key}=`))?.slice(key.length + 1)
}

function at(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Record<string, unknown>)[key]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
