/** Takes an image reference apart, as Docker writes it: `[registry[:port]/]path[:tag][@digest]`. */
import { fromText } from '../../core/batch/strings.ts'

export interface ImageReference {
  /** As given. */
  imageName?: string
  imageRepository?: string
  imageTag?: string
  imageDigest?: string
}

/** A reference that is only an image id (`sha256:…`) has no repository; a missing tag means `latest`, as for Docker. */
export function splitImageReference(reference: string): ImageReference {
  if (reference === '') return {}
  if (reference.startsWith('sha256:')) return { imageName: fromText(reference) }
  const at = reference.indexOf('@')
  const digest = at < 0 ? undefined : reference.slice(at + 1)
  const named = at < 0 ? reference : reference.slice(0, at)
  // A colon before the last slash belongs to a registry's port.
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const tag = hasTag ? named.slice(colon + 1) : digest === undefined ? 'latest' : undefined
  return {
    imageName: fromText(reference),
    imageRepository: fromText(hasTag ? named.slice(0, colon) : named),
    ...(tag === undefined ? {} : { imageTag: fromText(tag) }),
    ...(digest === undefined ? {} : { imageDigest: fromText(digest) }),
  }
}
