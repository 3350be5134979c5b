import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Row } from '../../../core/batch/builder.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import type { TableName } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { argumentsOfType, argumentsText } from '../../../core/fields/event-arguments.ts'
import { EVENT_TYPES, type EventTypeName } from '../../../core/fields/event-types.ts'
import { errorName } from '../../../core/fields/kernel-names.ts'

function shown(type: EventTypeName, table: TableName, row: Row): string | undefined {
  const builder = new BatchBuilder(0n)
  builder.addEvent(table as 'file', 0n, { type: EVENT_TYPES[type].code, ...row })
  const batch = builder.build()
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.moveTo(batch.tables[table]!, 0)
  return argumentsText(cursor)
}

const TABLE = new URL('../../../../shared/upstream/falco-reference/falco_events.json', import.meta.url)
/** Of one of these Falco has no event of its own and no arguments, of another one argument less. */
const MORE_HERE: readonly string[] = ['fchmodat2', 'pivot_root', 'truncate', 'setfsuid', 'setfsgid', 'execveat']

test.skipIf(!existsSync(TABLE))(
  'arguments stand where Falco has them (skipped where its table is not beside the checkout)',
  () => {
    interface FalcoEvent {
      name: string
      dir: string
      params: { name: string }[]
    }
    const table = JSON.parse(readFileSync(TABLE, 'utf8')) as Record<string, FalcoEvent[]>
    const wrong: string[] = []
    let compared = 0
    for (const type of Object.keys(EVENT_TYPES) as EventTypeName[]) {
      const theirs = table['Syscall events']!.filter(({ name, dir }) => name === type && dir === '<').at(-1)
      if (theirs === undefined || MORE_HERE.includes(type)) continue
      const [mine, his] = [argumentsOfType(type), theirs.params].map((list) => list.map(({ name }) => name).join(' '))
      compared += 1
      // Of these calls Falco tells no more than which one it was; here the rest follows.
      if (his === 'ID nativeID' && mine?.startsWith('ID nativeID res')) continue
      if (mine !== his) wrong.push(`${type}: ${mine}, Falco: ${his}`)
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(380)
  },
)

describe('the arguments of an event', () => {
  test.each<[EventTypeName, TableName, Row, string]>([
    ['dup2', 'file', { ret: 90, arg0: 4, arg1: 90 }, 'res=90 oldfd=4 newfd=90'],
    [
      'dup3',
      'network',
      { ret: -9, arg0: 4, arg1: 90, flags: 0o2000000 },
      'res=-9(EBADF) oldfd=4 newfd=90 flags=524288(O_RDONLY|O_CLOEXEC)',
    ],
    [
      'prctl',
      'call',
      { ret: 0, arg0: 15, arg1: 94_000, text0: 'nginx' },
      'res=0 option=15(PR_SET_NAME) arg2_str=nginx arg2_int=0',
    ],
    ['prctl', 'call', { ret: 0, arg0: 4, arg1: 1 }, 'res=0 option=4(PR_SET_DUMPABLE) arg2_str=<NA> arg2_int=1'],
    ['accept', 'network', { ret: -4, fd: -1 }, 'fd=-1 tuple=<NA>'],
  ])('of %s in %s', (type, table, row, expected) => {
    expect(shown(type, table, row)).toBe(expected)
  })

  test('name results as Falco does', () => {
    expect([-11, -95, -4, -524].map(errorName)).toEqual(['EAGAIN', 'EOPNOTSUPP', 'EINTR', 'ENOTSUPP'])
    expect(errorName(-4000)).toBe('E4000')
  })
})
