/** A detection as one JSON object in the shape of Falco's `json_output`, plus our id. */

import type { Detection } from '../../core/model/detection.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'

export function falcoJson(detection: Detection): string {
  const seconds = detection.timeNs.slice(0, -9)
  const fraction = detection.timeNs.slice(-9)
  return jsonLine({
    hostname: detection.hostname,
    id: detection.id,
    output: detection.output,
    output_fields: detection.fields,
    priority: detection.priority,
    rule: detection.rule,
    source: detection.source,
    tags: [...detection.tags].sort(),
    time: `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`,
  })
}
