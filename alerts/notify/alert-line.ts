/**
 * An alert as one readable line: time, priority, rule, what happened, user, container, image. Everything that comes
 * from the event is made safe to print.
 */
import { styleText } from 'node:util'
import { omitAbsent } from '../../core/language/output/omit-absent.ts'
import type { Detection } from '../../core/model/detection.ts'
import type { Priority } from '../../core/model/event.ts'
import { safeText } from '../../core/runtime/safe-text.ts'

const MAX_CHARS = 1_000

const STYLES: Record<Priority, Parameters<typeof styleText>[0]> = {
  Emergency: ['bold', 'bgRed', 'white'],
  Alert: ['bold', 'bgRed', 'white'],
  Critical: ['bold', 'red'],
  Error: 'red',
  Warning: 'yellow',
  Notice: 'cyan',
  Informational: 'blue',
  Debug: 'gray',
}

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string

function painter(colours: boolean): Paint {
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text)
}

/** That an alert which was shown came again, with the latest of these times. */
export function repeatLine(detection: Detection, times: number, colours: boolean): string {
  const paint = painter(colours)
  return [
    ...opening(detection, paint),
    paint('dim', `… ${times} more ${times === 1 ? 'time' : 'times'} in ${safeText(containerOf(detection.event))}`),
  ].join('  ')
}

function opening({ timeMs, priority, rule }: Detection, paint: Paint): string[] {
  const time = new Date(timeMs).toISOString().slice(11, 23)
  return [paint('dim', time), paint(STYLES[priority], priority.padEnd(8)), paint('bold', safeText(rule))]
}

export function alertLine(detection: Detection, colours: boolean): string {
  const paint = painter(colours)
  // What the rule's own words already say is not said twice.
  const isTold = (value: string) => detection.output.includes(value)
  const facts = [
    ['user', text(detection.event, 'user', 'name')],
    ['container', containerOf(detection.event)],
    ['image', text(detection.event, 'container', 'image', 'name')],
  ].flatMap(([name, value]) =>
    value === undefined || isTold(value) ? [] : [`${paint('dim', `${name}=`)}${safeText(value)}`],
  )
  return [...opening(detection, paint), clip(safeText(withoutAbsent(detection))), ...facts].join('  ')
}

/** At most as many are left out as the event lacks values that the rule names. */
function withoutAbsent({ output, fields }: Detection): string {
  return omitAbsent(output, Object.values(fields).filter((value) => value === null).length)
}

function containerOf(event: Record<string, unknown>): string {
  return text(event, 'container', 'name') ?? text(event, 'container', 'id')?.slice(0, 12) ?? 'host'
}

function clip(line: string): string {
  return line.length > MAX_CHARS ? `${line.slice(0, MAX_CHARS)}…` : line
}

function text(document: unknown, ...path: string[]): string | undefined {
  let value: unknown = document
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  if (Array.isArray(value)) return typeof value[0] === 'string' ? value[0] : undefined
  return typeof value === 'string' ? value : undefined
}
