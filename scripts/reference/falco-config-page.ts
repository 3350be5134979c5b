/** docs/reference/falco-config.md, from the lists in app/falco-config/keys.ts. */
import { FALCO_KEYS_LEFT_OUT, FALCO_KEYS_TAKEN } from '../../app/falco-config/keys.ts'
import { code, page, section, tableOf } from './markdown.ts'

export function falcoConfigPage(): string {
  return page(
    "Falco's configuration",
    '`seamark up --falco-config /etc/falco/falco.yaml` takes the place of Falco: the same rules, the same lines to the same ' +
      'places. It loads the rules of that file instead of the shipped ones, lets the first rule that matches fire, and ' +
      "prints Falco's lines. Keys without a meaning here are listed at the start, with their place in the file.",
    section(
      'Taken over',
      tableOf(
        ["Falco's key", 'key of [ours](config.md)'],
        Object.entries(FALCO_KEYS_TAKEN).map(([key, ours]) => [code(key), code(ours)]),
      ),
    ),
    section(
      'Without a meaning',
      tableOf(
        ['key', 'because'],
        Object.entries(FALCO_KEYS_LEFT_OUT).map(([key, why]) => [code(key), why]),
      ),
    ),
  )
}
