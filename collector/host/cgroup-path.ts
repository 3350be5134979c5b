/**
 * Reads a container's id out of a cgroup path. The form says who made it; the id alone would not, since anybody may
 * name a cgroup like one. Paths list the outermost cgroup first, so the last match is the nearest container.
 */

export interface ContainerName {
  id: string
  runtime: string
}

const HEX = '[0-9a-f]{64}'

/** One path segment each, tried in order. `*-conmon-*` scopes hold a monitor, not a container. */
const FORMS: { pattern: RegExp; runtime: string }[] = [
  { pattern: new RegExp(`^docker-(${HEX})\\.scope$`), runtime: 'docker' },
  { pattern: new RegExp(`^cri-containerd-(${HEX})\\.scope$`), runtime: 'containerd' },
  { pattern: new RegExp(`^nerdctl-(${HEX})\\.scope$`), runtime: 'containerd' },
  { pattern: new RegExp(`^crio-(${HEX})(?:\\.scope)?$`), runtime: 'cri-o' },
  { pattern: new RegExp(`^libpod-(${HEX})(?:\\.scope)?$`), runtime: 'podman' },
  { pattern: /^lxc\.payload\.([A-Za-z0-9_.-]{1,64})$/, runtime: 'lxc' },
]
/** A bare id takes its meaning from the segments before it. */
const BARE = new RegExp(`^${HEX}$`)
const BUILDKIT = /^[0-9a-z]{25}$/

/** All containers in a path, nearest first (Docker in Docker has several); none for a cgroup of the host. */
export function containersOfCgroupPath(path: string): ContainerName[] {
  const segments = path.split('/').filter((segment) => segment !== '')
  const found: ContainerName[] = []
  segments.forEach((segment, i) => {
    const before = segments.slice(0, i)
    const name = named(segment) ?? bare(segment, before)
    if (name !== null) found.unshift(name)
  })
  return found
}

function named(segment: string): ContainerName | null {
  for (const { pattern, runtime } of FORMS) {
    const match = pattern.exec(segment)
    if (match !== null) return { id: match[1]!, runtime }
  }
  return null
}

function bare(segment: string, before: readonly string[]): ContainerName | null {
  const parent = before.at(-1)
  if (BARE.test(segment)) {
    if (parent === 'docker') return { id: segment, runtime: 'docker' }
    if (before.some((part) => part.startsWith('kubepods'))) return { id: segment, runtime: 'containerd' }
    if (parent === 'default' || parent === 'k8s.io' || parent === 'moby') return { id: segment, runtime: 'containerd' }
    // A custom cgroup parent (docker run --cgroup-parent): the engine is asked whether it knows the id.
    return { id: segment, runtime: 'docker' }
  }
  if (parent === 'buildkit' && BUILDKIT.test(segment)) return { id: segment, runtime: 'buildkit' }
  if (parent === 'lxc' && segment !== '') return { id: segment, runtime: 'lxc' }
  return null
}
