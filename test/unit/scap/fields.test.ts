/**
 * Falco's traces, read here and by Falco 0.44.1: for every event of all of them, every field that the upstream rules use
 * has the same value, apart from the differences that are listed with their reasons.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { toText } from '../../../core/batch/strings.ts'
import type { Value } from '../../../core/model/event.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'
import {
  CONFORMANCE,
  type FieldUse,
  fieldsOfUpstreamRules,
  type RecordedEvent,
  readEvents,
  recordedEvents,
  recordedTraces,
} from './recorded-events.ts'

/** What no rule of upstream's uses, and a capture tells all the same. */
const FURTHER = [
  'evt.count.error evt.count.error.file evt.count.error.net evt.count.exit evt.io_dir evt.is_wait evt.is_syslog fd.uid',
  'fd.is_upper_layer fd.is_lower_layer proc.is_exe_lower_layer proc.vmsize proc.vmrss proc.vmswap thread.pfmajor',
  'thread.pfminor thread.vmsize thread.vmrss proc.fdlimit thread.cgroups user.homedir user.shell',
].flatMap((line) => line.split(' '))

/** Events of Falco's own, which are no calls. */
const NO_CALLS = ['procinfo', 'switch']
const ABOUT_PROCESSES = /^(?:proc|user|group|thread|container|k8s)\./

/** Recorded as lists only: ancestors further up than five, and both ends of a connection. */
function recordable(uses: readonly FieldUse[]): FieldUse[] {
  const kept = uses.filter(({ name, argument }) => {
    if (argument === null || !['proc.aname', 'proc.aexe', 'proc.aexepath'].includes(name)) return true
    return name === 'proc.aname' && Number(argument) <= 5
  })
  return [...kept, ...['proc.aexe', 'proc.aexepath'].map((name) => ({ name, argument: null }))]
}

function recordedValue(event: RecordedEvent, { name, argument }: FieldUse): unknown {
  if (name === 'evt.arg') {
    const names = [...String(event['evt.args'] ?? '').matchAll(/(?:^| )([a-z_0-9]+)=/g)].map((match) => match[1])
    return event[`evt.arg[${names.indexOf(argument!)}]`]
  }
  const both = /^fd\.(ip|net|port)$/.exec(name)?.[1]?.replace('net', 'ip')
  if (both !== undefined) return [event[`fd.l${both}`], event[`fd.r${both}`]].filter((value) => value !== undefined)
  if (/^fd\.[cslr]net$/.test(name)) return event[name.replace('net', 'ip')]
  return event[argument === null ? name : `${name}[${argument}]`]
}

/** Falco's recordings leave out what is empty. What is printed as `<NA>` is a value like any other. */
function asText(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return text === '' ? undefined : text
}

const ours = (value: Value | undefined) => {
  const text = asText(value)
  return text === undefined ? undefined : toText(text)
}

describe.skipIf(CONFORMANCE === null)("Falco's traces (skipped where they are not beside the checkout)", () => {
  const uses = [...recordable(fieldsOfUpstreamRules()), ...FURTHER.map((name) => ({ name, argument: null }))]
  const met = new Set<string>()

  test.each(recordedTraces())('%s has the values that Falco recorded', { timeout: 120_000 }, async (trace) => {
    const recorded = recordedEvents(trace)
    const wrong = new Set<string>()
    let at = 0
    let compared = 0
    await readEvents(trace, (event) => {
      const theirs = recorded[at++]
      if (theirs === undefined) return
      if (event.type !== undefined) expect([event.num, event.type]).toEqual([theirs['evt.num'], theirs['evt.type']])
      else expect(NO_CALLS).toContain(theirs['evt.type'])
      // Falco says nothing of processes where it has no thread for an event of its own making.
      if (theirs['proc.pid'] === undefined) return
      for (const use of uses) {
        if (event.type === undefined && !ABOUT_PROCESSES.test(use.name)) continue
        const mine = ours(event.value(use))
        const his = asText(recordedValue(theirs, use))
        compared++
        if (mine === his) continue
        const field = use.name === 'evt.arg' ? `evt.arg.${use.argument}` : use.name
        const known = KNOWN_DIFFERENCES.find(({ fields, holds }) => fields.includes(field) && holds(mine, his, theirs))
        if (known === undefined) wrong.add(`${event.type ?? theirs['evt.type']} ${field}: ${mine}, Falco: ${his}`)
        else met.add(known.reason)
      }
    })
    expect([...wrong]).toEqual([])
    expect(at).toBe(recorded.length)
    expect(compared).toBeGreaterThan(10_000)
    console.log(`${trace}: ${at} events, ${compared} values compared`)
  })

  test('differ in nothing that is listed in vain', () => {
    expect(KNOWN_DIFFERENCES.map(({ reason }) => reason).filter((reason) => !met.has(reason))).toEqual([])
  })
})

test('the differences are in the documentation', () => {
  const page = readFileSync(new URL('../../../docs/falco-compatibility.md', import.meta.url), 'utf8')
  for (const { fields, reason } of KNOWN_DIFFERENCES) {
    const line = `| ${fields.map((field) => `\`${field}\``).join(', ')} | ${reason} |`
    expect(page).toContain(line)
  }
})
