import { describe, expect, test } from 'vitest'
import { factsOfInspect } from '../../../collector/docker/inspect.ts'
import { containerRowOf } from '../../../collector/host/container-row.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { formatOutput, parseOutput } from '../../../core/language/output/format.ts'

const OLD = { Source: '/data/a:b', Destination: '/to:here', Mode: 'z', RW: true, Propagation: 'rprivate' }

/** What an output prints for a container with these mounts. */
function shown(output: string, mounts: Parameters<typeof factsOfInspect>[0]['Mounts']): string {
  const builder = new BatchBuilder(0n)
  const container = builder.add('container', containerRowOf(factsOfInspect({ Id: 'a'.repeat(64), Mounts: mounts! })))
  builder.addEvent('docker', 0n, { type: EVENT_TYPES.docker.code, container })
  const cursor = new Cursor()
  const batch = builder.build()
  cursor.open(batch)
  cursor.moveTo(batch.tables.docker!, 0)
  return formatOutput(parseOutput(output, 'docker').format, cursor)
}

describe('the mounts of a container', () => {
  // Parts were once joined by colons: this one read as source "/data/a:b:/to", destination "here".
  test('keep the colons of their paths', () => {
    expect(shown('%container.mount.source[0] %container.mount.dest[0] %container.mount.mode[0]', [OLD])).toBe(
      '/data/a:b /to:here z',
    )
    expect(shown('%container.mount.rdwr[/data/a:*] %container.mount.source[/to:here]', [OLD])).toBe('true /data/a:b')
  })

  test('print as in Falco', () => {
    const volume = { Source: '/v', Destination: '/data', RW: false }
    expect(shown('%container.mounts', [OLD, volume])).toBe('/data/a:b:/to:here:z:true:rprivate /v:/data::false:')
    expect(shown('%container.mount[1]', [OLD, volume])).toBe('/v:/data::false:')
    expect(shown('%container.mount.dest[/v]|%container.mount.propagation[1]|', [OLD, volume])).toBe('/data||')
  })

  test('can be none', () => {
    expect(shown('%container.mounts|%container.mount[0]', [])).toBe('|<NA>')
  })

  test('hold no NUL that could shift their parts', () => {
    const odd = { Source: '/a\0/b', Destination: '/c' }
    expect(shown('%container.mount.dest[0]', [odd])).toBe('/c')
  })
})
