/** An event document as one readable line, for `query` and `tail`. Everything in it is made safe to print. */
import { omitAbsent } from '../core/language/output/omit-absent.ts'
import { safeText } from '../core/runtime/safe-text.ts'

const MAX_CHARS = 500

export function documentLine(body: Record<string, unknown>): string {
  const text = (...path: string[]): string | undefined => {
    const value = path.reduce<unknown>(
      (at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      body,
    )
    if (Array.isArray(value)) return value.join(' ')
    return value === undefined || value === null ? undefined : String(value)
  }
  const rule = text('rule', 'name')
  const what =
    rule !== undefined
      ? `${text('log', 'level') ?? ''} ${rule}: ${omitAbsent(text('message') ?? '')}`
      : [text('event', 'action') ?? text('event', 'type') ?? '?', subject(text)].filter(Boolean).join(' ')
  const count = text('seamark', 'alert', 'count')
  const facts = [
    ['count', count === '1' ? undefined : count],
    ['user', text('user', 'name')],
    ['process', text('process', 'name')],
    ['container', text('container', 'name')],
    ['image', text('container', 'image', 'name')],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  // An alert's own time is that of its first firing; what is printed tells of the last.
  const time = text('seamark', 'alert', 'last') ?? text('@timestamp') ?? ''
  const line = [time, what, ...facts].map(safeText).join('  ')
  return line.length > MAX_CHARS ? `${line.slice(0, MAX_CHARS)}…` : line
}

/** What the event acted on. */
function subject(text: (...path: string[]) => string | undefined): string | undefined {
  const address = text('destination', 'ip')
  return (
    text('file', 'path') ??
    (address === undefined ? undefined : `${address}:${text('destination', 'port') ?? '?'}`) ??
    text('process', 'command_line') ??
    text('message')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
