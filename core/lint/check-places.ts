/** Where the checks of a compiled condition stand in the files. */
import { parseCondition } from '../language/condition/parser.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import { printCheck } from '../language/condition/printer.ts'
import type { Problem } from '../model/problem.ts'
import { ExpressionPool } from '../ruleset/expression.ts'
import type { ReadyRule } from '../ruleset/load.ts'
import type { MergedDefinitions } from '../ruleset/merged-definitions.ts'
import { Resolver } from '../ruleset/resolver.ts'
import type { Pieces } from '../ruleset/rule-file.ts'
import { checksIn } from './checks-in.ts'

interface Place {
  text: Pieces
  offset: number
}

export class CheckPlaces {
  private readonly definitions: MergedDefinitions
  private places: Map<string, Place> | null = null

  constructor(definitions: MergedDefinitions) {
    this.definitions = definitions
  }

  /** At the first place where one of the checks stands; at the rule's condition for those of exceptions. */
  problem(checks: readonly Predicate[], rule: ReadyRule, what: Omit<Problem, 'location' | 'snippet'>): Problem {
    this.places ??= this.find()
    const found = checks.map(({ key }) => this.places!.get(key)).find((place) => place !== undefined)
    const { text, offset } = found ?? { text: rule.definition.condition, offset: 0 }
    return text.problem(offset, what)
  }

  private find(): Map<string, Place> {
    const { rules, macros } = this.definitions
    const resolver = new Resolver(this.definitions, new ExpressionPool())
    const places = new Map<string, Place>()
    for (const { condition } of [...rules.values(), ...macros.values()]) {
      const parsed = parseCondition(condition.text)
      for (const check of parsed.ok ? checksIn(parsed.node) : []) {
        const key = printCheck(resolver.withLists(check))
        if (!places.has(key)) places.set(key, { text: condition, offset: check.at })
      }
    }
    return places
  }
}
