/** docs/reference/errors.md, from the list in core/model/errors.ts. */
import { ERROR_CODES } from '../../core/model/errors.ts'
import { page, tableOf } from './markdown.ts'

export function errorsPage(): string {
  return page(
    'Error codes',
    'Failures carry one of these codes, in logs, on the command line and in dead letters. Mistakes in your own files are ' +
      'listed with `file:line:column` instead. Source: `core/model/errors.ts`.',
    tableOf(
      ['code', 'meaning'],
      Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]),
    ),
  )
}
