/** Reads the value of an operand: a field, or transformers over fields and texts. */
import type { Reader } from '../../fields/field.ts'
import { asciiLower, asciiUpper } from '../../fields/glob.ts'
import { baseName } from '../../fields/paths.ts'
import { readerOf } from '../../fields/reader.ts'
import type { Value } from '../../model/event.ts'
import type { ValueSource } from './predicate.ts'

/** Longest text that concat and join make; what would be longer has no value. */
export const MAX_MADE_BYTES = 64 * 1024

export function valueReader(source: ValueSource | { kind: 'text'; text: string }): Reader {
  if (source.kind === 'text') return () => source.text
  if (source.kind === 'field') return readerOf(source.field, source.argument)
  const inputs = source.inputs.map(valueReader)
  const first = inputs[0]!
  switch (source.name) {
    case 'val':
      return first
    case 'tolower':
      return (cursor) => mapTexts(first(cursor), asciiLower)
    case 'toupper':
      return (cursor) => mapTexts(first(cursor), asciiUpper)
    case 'basename':
      return (cursor) => mapTexts(first(cursor), baseName)
    case 'b64':
      return (cursor) => mapTexts(first(cursor), decodeBase64)
    case 'len':
      return (cursor) => {
        const value = first(cursor)
        return typeof value === 'string' || Array.isArray(value) ? value.length : undefined
      }
    case 'concat':
      return (cursor) =>
        bounded(
          inputs.map((read) => read(cursor)),
          '',
        )
    case 'join':
      return (cursor) => {
        const separator = first(cursor)
        if (typeof separator !== 'string') return undefined
        return bounded(
          inputs.slice(1).flatMap((read) => read(cursor)),
          separator,
        )
      }
    case 'getopt': {
      const [, options = () => ''] = inputs
      return (cursor) => optionValue(first(cursor), options(cursor), source.argument)
    }
  }
}

function mapTexts(value: Value | undefined, change: (text: string) => string | undefined): Value | undefined {
  if (typeof value === 'string') return change(value)
  if (!Array.isArray(value)) return undefined
  const found = value.flatMap((entry) => (typeof entry === 'string' ? (change(entry) ?? []) : []))
  return found.length === 0 ? undefined : found
}

/** Padding is not part of the alphabet here, as in Falco; anything else that is no base64 gives no value. */
function decodeBase64(text: string): string | undefined {
  if (text.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(text)) return undefined
  return Buffer.from(text, 'base64').toString('latin1')
}

function bounded(values: readonly (Value | undefined)[], separator: string): string | undefined {
  let text = ''
  for (const [i, value] of values.entries()) {
    if (value === undefined) return undefined
    text += (i === 0 ? '' : separator) + String(value)
    if (text.length > MAX_MADE_BYTES) return undefined
  }
  return text
}

/**
 * Reads command line options as getopt(3) does: `ab:` knows the flag a and the option b with a value. With a letter as
 * argument the value of that option (the empty text for a flag that is set), else all letters found.
 */
function optionValue(list: Value | undefined, options: Value | undefined, letter: string | null): Value | undefined {
  if (typeof options !== 'string') return undefined
  const words = typeof list === 'string' ? list.split(' ') : Array.isArray(list) ? list.map(String) : undefined
  if (words === undefined) return undefined
  const found = new Map<string, string>()
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') break
    if (!word.startsWith('-') || word.length < 2) continue
    for (let j = 1; j < word.length; j++) {
      const option = word[j]!
      const known = options.indexOf(option)
      if (known < 0 || option === ':') break
      if (options[known + 1] !== ':') {
        found.set(option, '')
        continue
      }
      found.set(option, j + 1 < word.length ? word.slice(j + 1) : (words[++i] ?? ''))
      break
    }
  }
  if (letter !== null) return found.get(letter)
  return found.size === 0 ? undefined : [...found.keys()]
}
