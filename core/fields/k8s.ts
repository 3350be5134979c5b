/** `k8s.*`: what the labels that Kubernetes puts on its containers say. */
import type { SourceName } from '../model/event.ts'
import { labelReader, labelsReader } from './container.ts'
import type { Cursor } from './cursor.ts'
import { containerColumn, type Field, field, fromContainer } from './field.ts'

const SOURCES: readonly SourceName[] = ['syscall', 'docker', 'health']
const everywhere = { sources: SOURCES } as const
const SHORT_ID_CHARS = 12

const label = (key: string) => fromContainer(labelReader(`io.kubernetes.${key}`))
const sandbox = labelReader('io.kubernetes.sandbox.id')

export const K8S_FIELDS: readonly Field[] = [
  field('k8s.pod.name', 'string', 'Name of the pod.', label('pod.name'), {
    ...everywhere,
    ecs: 'orchestrator.resource.name',
  }),
  field('k8s.ns.name', 'string', 'Namespace of the pod.', label('pod.namespace'), {
    ...everywhere,
    ecs: 'orchestrator.namespace',
  }),
  field('k8s.pod.uid', 'string', 'UID of the pod.', label('pod.uid'), everywhere),
  field('k8s.pod.id', 'string', 'UID of the pod (older name).', label('pod.uid'), everywhere),
  field('k8s.pod.full_sandbox_id', 'string', "Id of the pod's sandbox container.", fromContainer(sandbox), everywhere),
  field(
    'k8s.pod.sandbox_id',
    'string',
    "First 12 characters of the id of the pod's sandbox container.",
    fromContainer((cursor) => {
      const id = sandbox(cursor)
      return typeof id === 'string' ? id.slice(0, SHORT_ID_CHARS) : undefined
    }),
    everywhere,
  ),
  field(
    'k8s.pod.label',
    'string',
    'One label of the pod (k8s.pod.label.app, k8s.pod.label[app.kubernetes.io/name]), as its sandbox container carries it.',
    { from: 'derived', scope: 'container', derive: (argument) => labelReader(argument ?? '', 'podLabels') },
    { ...everywhere, argument: 'key', argumentRequired: true },
  ),
  field(
    'k8s.pod.labels',
    'string',
    'All labels of the pod as key:value, joined by commas.',
    fromContainer(labelsReader('podLabels')),
    everywhere,
  ),
  field(
    'k8s.pod.ip',
    'string',
    'Address of the pod: that of its sandbox container.',
    containerColumn('podIp'),
    everywhere,
  ),
  field(
    'k8s.rs.name',
    'string',
    'Name of the replica set, where the name of the pod is made from it and its label pod-template-hash.',
    fromContainer((cursor) => ownersOf(cursor)?.replicaSet),
    everywhere,
  ),
  field(
    'k8s.deployment.name',
    'string',
    'Name of the deployment, where the name of the pod is made from it and its label pod-template-hash.',
    fromContainer((cursor) => ownersOf(cursor)?.deployment),
    everywhere,
  ),
]

const podName = labelReader('io.kubernetes.pod.name')
const templateHash = labelReader('pod-template-hash', 'podLabels')
/** Five letters of the alphabet that Kubernetes takes for generated names. */
const GENERATED = /^-[bcdfghjklmnpqrstvwxz2456789]{5}$/

/** A deployment D with template hash H has a replica set D-H, whose pods are called D-H-xxxxx. */
function ownersOf(cursor: Cursor): { deployment: string; replicaSet: string } | undefined {
  const name = podName(cursor)
  const hash = templateHash(cursor)
  if (typeof name !== 'string' || typeof hash !== 'string' || hash === '') return undefined
  const at = name.lastIndexOf(`-${hash}-`)
  const end = at + 1 + hash.length
  if (at <= 0 || !GENERATED.test(name.slice(end))) return undefined
  return { deployment: name.slice(0, at), replicaSet: name.slice(0, end) }
}
