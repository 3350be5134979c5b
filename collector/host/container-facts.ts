/** What is known of a container. Strings are byte strings; what is undefined is not known (yet). */

export interface Mount {
  source: string
  destination: string
  mode: string
  isWritable: boolean
  propagation: string
}

export interface ContainerFacts {
  id: string
  runtime: string
  name?: string
  imageName?: string
  imageRepository?: string
  imageTag?: string
  imageId?: string
  imageDigest?: string
  /** `key=value`. */
  labels?: string[]
  /** Everything below comes with an inspection of the container. */
  inspected?: boolean
  privileged?: boolean
  mounts?: Mount[]
  capAdd?: string[]
  /** Kind (CMD, CMD-SHELL) and words. */
  healthcheck?: string[]
  hostNetwork?: boolean
  hostPid?: boolean
  hostIpc?: boolean
  ip?: string
  createdNs?: bigint
  startedNs?: bigint
  /** Host pid of the container's first process, while it runs. */
  pid?: number
}
