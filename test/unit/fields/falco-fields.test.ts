/** Every field that Falco knows is filled, or refused with a reason of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { FIELDS, findField } from '../../../core/fields/index.ts'
import { parseOutput } from '../../../core/language/output/format.ts'
import { fieldsOfUpstreamRules } from '../scap/recorded-events.ts'

const MAX_REFUSED = 40

interface FalcoField {
  name: string
  is_list: boolean
  argument: { required: boolean } | null
}

const TABLE = fileURLToPath(new URL('../../../../shared/upstream/falco-reference/falco_fields.json', import.meta.url))

function falcoFields(): FalcoField[] {
  if (!existsSync(TABLE)) return []
  const { fieldclasses } = JSON.parse(readFileSync(TABLE, 'utf8')) as { fieldclasses: { fields: FalcoField[] }[] }
  return fieldclasses.flatMap(({ fields }) => fields)
}

const isRefused = (name: string) => findField(name, null)?.field.refused !== null

describe.skipIf(!existsSync(TABLE))("Falco's own table of fields (skipped where it is not beside the checkout)", () => {
  test('has no field that is unknown here', () => {
    expect(falcoFields()).toHaveLength(268)
    expect(falcoFields().filter(({ name }) => findField(name, null) === undefined)).toEqual([])
  })

  test(`has at most ${MAX_REFUSED} fields that are refused here`, () => {
    const refused = falcoFields().filter(({ name }) => isRefused(name))
    expect(refused.length).toBeLessThanOrEqual(MAX_REFUSED)
    expect(refused.length).toBeGreaterThan(0)
  })

  test('agrees about which fields need an argument', () => {
    const other = falcoFields().filter(({ name, argument }) => {
      const mine = findField(name, null)!.field
      return argument === null ? mine.argumentRequired : mine.argument === 'none'
    })
    expect(other.map(({ name }) => name)).toEqual([])
  })

  test('none that the upstream rules use is refused', () => {
    const used = fieldsOfUpstreamRules().map(({ name }) => name)
    expect(used.length).toBeGreaterThan(80)
    expect(used.filter(isRefused)).toEqual([])
  })
})

test('each refused field has a reason and something that exists to use instead', () => {
  const refused = FIELDS.filter((field) => field.refused !== null)
  for (const { name, refused: refusal } of refused) {
    expect(refusal!.why.length, name).toBeGreaterThan(20)
    const named = refusal!.instead.match(/\b(?:evt|proc|thread|fd|container|k8s)\.[a-z0-9_.]+(?:\[[a-z]+\])?/g) ?? []
    expect(named.length, name).toBeGreaterThan(0)
    for (const one of named) {
      const [, field = '', argument] = /^([a-z0-9_.]+)(?:\[(.*)\])?$/.exec(one)!
      expect(findField(field, argument ?? null)?.field.refused, `${name}: ${one}`).toBe(null)
    }
  }
})

test('an output that names a refused field says why it stays empty and what to use', () => {
  const { problems } = parseOutput('at %evt.reltime', 'syscall')
  expect(problems).toMatchObject([
    {
      code: 'W_RULE_FIELD_NEVER_FILLED',
      message: expect.stringContaining('never filled: events of many hosts'),
      hint: 'use evt.rawtime',
    },
  ])
})
