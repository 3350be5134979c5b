/**
 * What travels on the `detections` topic: what was found in one batch, a detection a line of JSON, as few items as hold
 * it. The same detections give the same items, with the same ids.
 */
import { createHash } from 'node:crypto'
import type { Detection } from './detection.ts'
import type { Item } from './queue.ts'

/** Of one item; a single larger detection is an item of its own. */
const MAX_DETECTIONS = 64
const MAX_CHARS = 256 * 1024

export function detectionItems(detections: readonly Detection[]): Item[] {
  const items: Item[] = []
  let ids: string[] = []
  let lines: string[] = []
  let chars = 0
  const close = () => {
    if (lines.length === 0) return
    const id = ids.length === 1 ? ids[0]! : `detections:${digest(ids)}`
    items.push({ id, class: 'evidence', payload: Buffer.from(lines.join('\n')) })
    ids = []
    lines = []
    chars = 0
  }
  for (const detection of detections) {
    const line = JSON.stringify(detection)
    if (lines.length === MAX_DETECTIONS || chars + line.length > MAX_CHARS) close()
    ids.push(detection.id)
    lines.push(line)
    chars += line.length
  }
  close()
  return items
}

/** The detections in an item, each with the line of JSON that it came as. */
export function detectionsIn({ payload }: Item): { detection: Detection; line: string }[] {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  // JSON holds no line break.
  return text.split('\n').map((line) => ({ detection: JSON.parse(line) as Detection, line }))
}

function digest(ids: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(ids)).digest('hex').slice(0, 32)
}
