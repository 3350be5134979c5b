/**
 * What a condition asks of an event type, so that it is specialised once for all types that answer alike: of 50,000 names
 * that are compared with proc.name nothing depends on the type, of as many paths only whether there is a descriptor.
 */
import type { Field } from '../fields/field.ts'
import { fieldsOf, operandKey } from '../language/condition/predicate.ts'
import type { Expression } from './expression.ts'

export interface FieldUse {
  field: Field
  argument: string | null
}

/** Conditions that ask for more fields are specialised for each type. */
const MAX_QUESTIONS = 64

/** Null: it depends on the type itself, or asks too much. */
type Asked = readonly number[] | null

export class TypeQuestions {
  /** Fields whose value the type decides. */
  private readonly decided: ReadonlySet<string>
  private readonly numbers = new Map<string, number>()
  private readonly uses: FieldUse[] = []
  private readonly asked = new Map<Expression, Asked>()
  private readonly made = new Map<string, Expression>()

  constructor(decided: readonly string[]) {
    this.decided = new Set(decided)
  }

  /** Remembers the answers of one type, each when it is first asked for. */
  answers(isAbsent: (use: FieldUse) => boolean): (question: number) => boolean {
    const known: boolean[] = []
    return (question) => {
      known[question] ??= isAbsent(this.uses[question]!)
      return known[question]
    }
  }

  recall(node: Expression, answers: (question: number) => boolean): Expression | undefined {
    const key = this.keyOf(node, answers)
    return key === null ? undefined : this.made.get(key)
  }

  keep(node: Expression, answers: (question: number) => boolean, made: Expression): void {
    const key = this.keyOf(node, answers)
    if (key !== null) this.made.set(key, made)
  }

  private keyOf(node: Expression, answers: (question: number) => boolean): string | null {
    // A check is looked at sooner than a key is made.
    if (node.kind === 'check' || node.kind === 'constant') return null
    const asked = this.askedBy(node)
    if (asked === null) return null
    let key = `${node.id} `
    for (const question of asked) key += answers(question) ? '1' : '0'
    return key
  }

  private askedBy(node: Expression): Asked {
    const known = this.asked.get(node)
    if (known !== undefined) return known
    const found = this.find(node)
    this.asked.set(node, found)
    return found
  }

  private find(node: Expression): Asked {
    if (node.kind === 'constant') return []
    if (node.kind === 'not') return this.askedBy(node.child)
    const all = new Set<number>()
    if (node.kind === 'check') {
      for (const use of fieldsOf(node.predicate)) {
        if (this.decided.has(use.field.name)) return null
        all.add(this.numberOf(use))
      }
    } else {
      for (const child of node.children) {
        const asked = this.askedBy(child)
        if (asked === null || all.size > MAX_QUESTIONS) return null
        for (const question of asked) all.add(question)
      }
    }
    return [...all]
  }

  private numberOf({ field, argument }: FieldUse): number {
    const key = operandKey({ kind: 'field', field, argument })
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    const number = this.uses.push({ field, argument }) - 1
    this.numbers.set(key, number)
    return number
  }
}
