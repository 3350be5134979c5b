/** `k8s.*`: what the labels that Kubernetes puts on its containers say. */
import type { SourceName } from '../model/event.ts'
import { labelReader } from './container.ts'
import { type Field, field, fromContainer } from './field.ts'

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
]
