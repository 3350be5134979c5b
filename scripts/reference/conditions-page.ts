/** docs/reference/conditions.md, from the list in core/health/conditions.ts. */
import { CONDITIONS, type ConditionSpec } from '../../core/health/conditions.ts'
import { page, tableOf } from './markdown.ts'

export function conditionsPage(): string {
  return page(
    'Conditions',
    'What can be wrong with Seamark itself while it runs. Each is `seamark_conditions{condition="…"}` in the metrics, ' +
      'named by `/readyz` and `/api/v1/conditions`, told as the health events `….began` and `….ended`, and a line of ' +
      '`seamark doctor`. Source: `core/health/conditions.ts`.',
    tableOf(
      ['condition', 'means', 'events', 'do'],
      Object.entries(CONDITIONS).map(([name, spec]: [string, ConditionSpec]) => [
        `\`${name}\``,
        spec.means,
        spec.hasOwnEvents === true ? '`source.blind`, `source.up`' : `\`${name}.began\`, \`${name}.ended\``,
        spec.fix,
      ]),
    ),
  )
}
