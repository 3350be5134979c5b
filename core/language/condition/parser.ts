/**
 * Reads a rule condition (Falco's language) into a tree. Any text gives a tree or one mistake with its position; nothing
 * else is ever thrown, and nesting is bounded.
 *
 *   condition  = conjunction { "or" conjunction }
 *   conjunction= term { "and" term }
 *   term       = { "not" } ( "(" condition ")" | check | macro )
 *   macro      = name without a dot
 *   check      = operand "exists"
 *              | operand comparison value
 *              | operand string-operator ( value | ( "oneof" | "anyof" | "allof" ) list )
 *              | operand list-operator ( list | operand | word )      (a word is a value, or a list of one)
 *   operand    = field | transformer "(" input { "," input } ")" [ "[" argument "]" ]
 *   input      = operand | quoted | bare
 *   field      = name with a dot [ "[" argument "]" ]
 *   value      = quoted | bare | transformer "(" … ")"          (a plain field on the right is val(field))
 *   list       = "(" [ item { "," item } ] ")"                  item = quoted | bare
 *
 * `and`, `or` and `not` must be followed by a blank or a parenthesis.
 */
import { type Parsed, parsed, SyntaxMistake } from '../syntax-error.ts'
import {
  type CallOperand,
  type Check,
  COMPARISONS,
  type Condition,
  isOneOf,
  LIST_OPERATORS,
  MODIFIERS,
  type Operand,
  type Operator,
  type Right,
  STRING_OPERATORS,
  type TextValue,
  TRANSFORMERS,
} from './ast.ts'
import { Scanner } from './scanner.ts'
import { joinHint, modifierHint, operatorHint, termHint } from './suggestions.ts'

/** Parentheses and transformers within each other. */
export const MAX_DEPTH = 200
/** UTF-16 units in one condition. */
export const MAX_CONDITION_LENGTH = 1_000_000

export function parseCondition(text: string): Parsed<Condition> {
  return parsed(() => {
    if (text.length > MAX_CONDITION_LENGTH) {
      throw new SyntaxMistake(`a condition has at most ${MAX_CONDITION_LENGTH} characters`, MAX_CONDITION_LENGTH)
    }
    const parser = new ConditionParser(text)
    return parser.whole()
  })
}

/** Reads one field or transformer at an offset, as output formats have them; `end` is the offset behind it. */
export function parseOperandAt(text: string, at: number): Parsed<{ operand: Operand; end: number }> {
  return parsed(() => {
    const parser = new ConditionParser(text)
    parser.scan.at = at
    const operand = parser.operand()
    return { operand, end: parser.scan.at }
  })
}

/** Would read as a comparison with a value that begins with a sign. */
const FOREIGN = /^(<>|===)/

class ConditionParser {
  readonly scan: Scanner
  private depth = 0
  /** The name that was read last, if it was one without a dot. */
  private macro = ''

  constructor(text: string) {
    this.scan = new Scanner(text)
  }

  whole(): Condition {
    this.scan.skipBlanks()
    if (this.scan.done) throw new SyntaxMistake('the condition is empty', 0)
    const node = this.condition()
    if (!this.scan.done) {
      const hint = joinHint(this.ahead(), this.macro)
      throw new SyntaxMistake(`expected "and" or "or" before ${this.scan.upcoming()}`, this.scan.at, hint)
    }
    return node
  }

  private condition(): Condition {
    return this.chain('or', () => this.chain('and', () => this.term()))
  }

  private chain(kind: 'and' | 'or', part: () => Condition): Condition {
    const at = this.scan.at
    const first = part()
    if (!this.scan.takeKeyword(kind)) return first
    const children = [first]
    do {
      this.scan.skipBlanks()
      children.push(part())
    } while (this.scan.takeKeyword(kind))
    return Object.freeze({ kind, children: Object.freeze(children), at })
  }

  /** Leaves the scanner behind the blanks that follow. */
  private term(): Condition {
    const at = this.scan.at
    let negated = false
    while (this.scan.takeKeyword('not')) {
      negated = !negated
      this.scan.skipBlanks()
    }
    const node = this.primary()
    this.scan.skipBlanks()
    return negated ? Object.freeze({ kind: 'not', child: node, at }) : node
  }

  private primary(): Condition {
    const at = this.scan.at
    if (this.scan.take('(')) {
      this.enter(at)
      this.scan.skipBlanks()
      const node = this.condition()
      if (!this.scan.take(')')) {
        const hint = joinHint(this.ahead(), this.macro)
        throw new SyntaxMistake(`expected ")" before ${this.scan.upcoming()}`, this.scan.at, hint)
      }
      this.depth--
      this.macro = ''
      return node
    }
    const name = this.scan.peekName()
    if (name === '') {
      const hint = termHint(this.ahead())
      throw new SyntaxMistake(`expected a field, a macro, "not" or "(" before ${this.scan.upcoming()}`, at, hint)
    }
    const isCall = this.scan.text[at + name.length] === '('
    this.macro = ''
    if (name.includes('.') || (isCall && isOneOf(TRANSFORMERS, name))) return this.check()
    if (name === 'and' || name === 'or' || name === 'not') {
      throw new SyntaxMistake(`"${name}" has nothing to join here`, at)
    }
    this.macro = this.scan.name()
    return Object.freeze({ kind: 'macro', name, at })
  }

  private check(): Check {
    const at = this.scan.at
    const left = this.operand()
    if (left.kind === 'call' && left.name === 'val') {
      throw new SyntaxMistake('val() belongs on the right side', at, 'write the field alone')
    }
    this.scan.skipBlanks()
    const operatorAt = this.scan.at
    const operator = this.operator(at)
    if (operator === 'exists') return Object.freeze({ kind: 'check', left, operator, modifier: null, right: null, at })
    this.scan.skipBlanks()
    const word = this.scan.peekName()
    const hasModifier = isOneOf(MODIFIERS, word) && this.modifierAhead(word)
    if (hasModifier && !isOneOf(STRING_OPERATORS, operator)) {
      const hint = modifierHint(operator, word, this.scan.text.slice(at, operatorAt).trim())
      throw new SyntaxMistake(`${operator} does not take "${word}"`, this.scan.at, hint)
    }
    if (isOneOf(LIST_OPERATORS, operator)) {
      const right = this.scan.peek() === '(' ? this.list() : (this.rightOperand() ?? this.word())
      if (right === null) throw new SyntaxMistake(`expected "(" after ${operator}`, this.scan.at)
      return Object.freeze({ kind: 'check', left, operator, modifier: null, right, at })
    }
    if (hasModifier) {
      this.scan.name()
      this.scan.skipBlanks()
      return Object.freeze({ kind: 'check', left, operator, modifier: word, right: this.list(), at })
    }
    const right = this.rightOperand() ?? this.value()
    if (right === null) {
      throw new SyntaxMistake(
        `expected a value after ${this.scan.text.slice(operatorAt, this.scan.at).trim()}`,
        this.scan.at,
      )
    }
    return Object.freeze({ kind: 'check', left, operator, modifier: null, right, at })
  }

  /** The beginning of what is left, for hints. */
  private ahead(): string {
    return this.scan.text.slice(this.scan.at, this.scan.at + 256)
  }

  /** `contains anyof (a, b)`, as against `contains anyof`, which looks for that word. */
  private modifierAhead(word: string): boolean {
    const rest = this.scan.text.slice(this.scan.at + word.length, this.scan.at + word.length + 256)
    return /^\s*\(/.test(rest)
  }

  /** `from` is where the operand begins. */
  private operator(from: number): Operator {
    const at = this.scan.at
    const symbol = FOREIGN.test(this.ahead()) ? '' : this.scan.symbol()
    if (isOneOf(COMPARISONS, symbol)) return symbol
    const word = this.scan.name()
    if (word === 'exists' || isOneOf(STRING_OPERATORS, word) || isOneOf(LIST_OPERATORS, word)) return word
    this.scan.at = at
    const hint = operatorHint(this.ahead(), this.scan.text.slice(from, at).trim())
    throw new SyntaxMistake(`expected an operator before ${this.scan.upcoming()}`, at, hint)
  }

  operand(): Operand {
    const at = this.scan.at
    const name = this.scan.name()
    if (this.scan.peek() === '(' && isOneOf(TRANSFORMERS, name)) return this.call(name, at)
    if (!name.includes('.')) throw new SyntaxMistake(`expected a field before ${this.scan.upcoming()}`, at)
    return Object.freeze({ kind: 'field', name, argument: this.scan.argument(), at })
  }

  private call(name: CallOperand['name'], at: number): CallOperand {
    this.scan.take('(')
    this.enter(at)
    const inputs: (Operand | TextValue)[] = []
    do {
      this.scan.skipBlanks()
      inputs.push(this.input())
      this.scan.skipBlanks()
    } while (this.scan.take(','))
    if (!this.scan.take(')')) throw new SyntaxMistake(`expected ")" before ${this.scan.upcoming()}`, this.scan.at)
    this.depth--
    const argument = name === 'getopt' ? this.scan.argument() : null
    return Object.freeze({ kind: 'call', name, inputs: Object.freeze(inputs), argument, at })
  }

  private input(): Operand | TextValue {
    const at = this.scan.at
    const name = this.scan.peekName()
    const next = this.scan.text[at + name.length] ?? ''
    if (next === '(' && isOneOf(TRANSFORMERS, name)) return this.operand()
    if (name.includes('.') && ' \t\r\n,)['.includes(next)) return this.operand()
    const value = this.value()
    if (value === null) throw new SyntaxMistake(`expected a field or a value before ${this.scan.upcoming()}`, at)
    return value
  }

  /** A transformer or val() on the right side; null when something else is next. */
  private rightOperand(): Operand | null {
    const at = this.scan.at
    const name = this.scan.peekName()
    if (!isOneOf(TRANSFORMERS, name) || this.scan.text[at + name.length] !== '(') return null
    const operand = this.operand()
    if (operand.kind !== 'call' || operand.name !== 'val') return operand
    const [field] = operand.inputs
    if (operand.inputs.length !== 1 || field?.kind !== 'field') throw new SyntaxMistake('val() takes one field', at)
    return field
  }

  private list(): Right {
    const from = this.scan.at
    if (!this.scan.take('(')) throw new SyntaxMistake(`expected "(" before ${this.scan.upcoming()}`, from)
    const items: TextValue[] = []
    this.scan.skipBlanks()
    if (this.scan.take(')')) return Object.freeze({ kind: 'list', items: Object.freeze(items) })
    do {
      this.scan.skipBlanks()
      const item = this.value()
      if (item === null) throw new SyntaxMistake(`expected a value before ${this.scan.upcoming()}`, this.scan.at)
      items.push(item)
      this.scan.skipBlanks()
    } while (this.scan.take(','))
    if (!this.scan.take(')'))
      throw new SyntaxMistake(`expected "," or ")" before ${this.scan.upcoming()}`, this.scan.at)
    return Object.freeze({ kind: 'list', items: Object.freeze(items) })
  }

  /** A plain word, which `in` and its like take without parentheses. */
  private word(): TextValue | null {
    const { at } = this.scan
    const text = this.scan.bare()
    if (/^[A-Za-z][A-Za-z0-9_]*$/.test(text)) return Object.freeze({ kind: 'text', text, quoted: false, at })
    this.scan.at = at
    return null
  }

  private value(): TextValue | null {
    const at = this.scan.at
    const quoted = this.scan.quoted()
    if (quoted !== null) return Object.freeze({ kind: 'text', text: quoted, quoted: true, at })
    const bare = this.scan.bare()
    return bare === '' ? null : Object.freeze({ kind: 'text', text: bare, quoted: false, at })
  }

  private enter(at: number): void {
    if (++this.depth > MAX_DEPTH) throw new SyntaxMistake(`nested more than ${MAX_DEPTH} deep`, at)
  }
}
