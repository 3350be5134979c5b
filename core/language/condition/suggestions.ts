/** What somebody meant who wrote words of another language, or of this one nearly. Hints only: nothing is accepted. */
import { nearestName } from '../nearest-name.ts'
import { COMPARISONS, LIST_OPERATORS, type Modifier, type Operator, STRING_OPERATORS } from './ast.ts'

/** Longer words are no operators. */
const MAX_WORD = 64
const WORDS: readonly string[] = [...STRING_OPERATORS, ...LIST_OPERATORS, 'exists']

const JOINING: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['&', 'and'],
  ['||', 'or'],
  ['|', 'or'],
])

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ['like', 'use glob, in which * stands for anything, or contains'],
  ['ilike', 'use iglob, in which * stands for anything, or icontains'],
  ['matches', 'use regex, or glob'],
  ['~', 'use regex'],
  ['=~', 'use regex'],
  ['is', 'use ='],
  ['eq', 'use ='],
  ['equals', 'use ='],
  ['ne', 'use !='],
  ['has', 'use contains'],
  ['includes', 'use contains'],
  ['lt', 'use <'],
  ['le', 'use <='],
  ['gt', 'use >'],
  ['ge', 'use >='],
])

/** Where `and` or `or` was expected; `before` is the word in front, if it stood alone. */
export function joinHint(rest: string, before: string): string | undefined {
  if (before !== 'not' && before.toLowerCase() === 'not') return 'write "not" in lower case'
  const word = firstWord(rest)
  const joining = /^(&&?|\|\|?)/.exec(word)?.[0]
  if (joining !== undefined) return `write "${JOINING.get(joining)}" with blanks around it`
  const lower = word.toLowerCase()
  if (word !== lower && (lower === 'and' || lower === 'or')) return `write "${lower}" in lower case`
  return lower === 'and' || lower === 'or' || /^(and|or)\W/.test(word) ? 'put a blank behind it' : undefined
}

/** Where a field, a macro or a parenthesis was expected. */
export function termHint(rest: string): string | undefined {
  const negated = /^!\s*([^\s!()]{1,64})?/.exec(rest)
  if (negated !== null) return `write "not ${negated[1] ?? '(…)'}"`
  return joinHint(rest, '')
}

/** Where an operator was expected behind a field. */
export function operatorHint(rest: string, field: string): string | undefined {
  const negated = /^(?:not\s+|NOT\s+|!\s*)([a-z]{1,64})/.exec(rest)?.[1]
  if (negated !== undefined && WORDS.includes(negated)) return `put "not" in front: not ${field} ${negated} …`
  if (rest.startsWith('===')) return 'use ='
  if (rest.startsWith('<>')) return 'use !='
  const word = firstWord(rest)
  const known = OPERATORS.get(word.toLowerCase())
  if (known !== undefined) return known
  const plain = word.slice(1)
  if (word.startsWith('i') && WORDS.includes(plain)) return `compare without case by tolower(${field}) ${plain} …`
  const lower = word.toLowerCase()
  const near = WORDS.includes(lower) ? lower : nearestName(lower, WORDS)
  return near === undefined ? undefined : `did you mean "${near}"?`
}

/** For `= anyof (…)` and the like, which only operators on texts take. */
export function modifierHint(operator: Operator, modifier: Modifier, field: string): string {
  if (operator === '=' && modifier === 'anyof') return `write ${field} in (…)`
  if (operator === '!=' && modifier === 'allof') return `write not ${field} in (…)`
  const isList = (LIST_OPERATORS as readonly string[]).includes(operator)
  if (isList) return `${operator} takes its list without it`
  return (COMPARISONS as readonly string[]).includes(operator) ? 'write the comparisons out, joined by and or or' : ''
}

function firstWord(rest: string): string {
  return /^[^\s()"',]*/.exec(rest.slice(0, MAX_WORD))![0]
}
