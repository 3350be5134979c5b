/** Fields that exclude each other by what they are: the two names of a descriptor's type, and images of the host. */
import { FD_TYPE_NAMES } from '../fields/fd.ts'
import { testOf } from './facts.ts'
import type { Clash, Literal } from './literal.ts'

/** `about` gives what is known of a field by its name. `key` is the field of which something new is known. */
export function kindsClash(key: string, about: (name: string) => readonly Literal[]): Clash | null {
  if (key === 'fd.type' || key === 'fd.typechar') return typesClash(about('fd.typechar'), about('fd.type'))
  if (key === 'container.id') return imageClash(about('container.id'), IMAGE_FIELDS.flatMap(about))
  return IMAGE_FIELDS.includes(key) ? imageClash(about('container.id'), about(key)) : null
}

const IMAGE_FIELDS = [
  ...['container.image', 'container.image.id', 'container.image.repository'],
  ...['container.image.tag', 'container.image.digest'],
]

function typesClash(characters: readonly Literal[], names: readonly Literal[]): Clash | null {
  const both = [...characters, ...names]
  if (characters.length === 0 || names.length === 0 || both.some(({ predicate }) => predicate.right.kind === 'operand'))
    return null
  // Either is there where the other is.
  if (!both.some(({ holds }) => holds)) return null
  const meets = (literals: readonly Literal[], value: string) => literals.every((literal) => testOf(literal)(value))
  const types = [...FD_TYPE_NAMES, ['?', 'other'] as const]
  if (types.some(([character, name]) => meets(characters, character) && meets(names, name))) return null
  return [characters.find(({ holds }) => holds) ?? characters[0]!, names.find(({ holds }) => holds) ?? names[0]!]
}

/** A process of the host has no image. */
function imageClash(ids: readonly Literal[], images: readonly Literal[]): Clash | null {
  const host = ids.find(({ predicate: { operator, right }, holds }) => {
    const isOne = operator === '=' || operator === 'in' || operator === 'intersects'
    return holds && isOne && right.kind === 'strings' && right.values.every((value) => value === 'host')
  })
  const image = images.find(({ holds }) => holds)
  return host === undefined || image === undefined ? null : [host, image]
}
