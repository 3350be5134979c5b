/**
 * Conditions that no event can meet, because parts of them exclude each other: on one operand, after De Morgan, through
 * macros and exceptions. Alternatives are dropped one by one while what is certain excludes them; nothing is tried out.
 */
import { operandKey, type Predicate } from '../language/condition/predicate.ts'
import type { Expression } from '../ruleset/expression.ts'
import { clashOf, MAX_COMPARED } from './facts.ts'
import { kindsClash } from './kind-facts.ts'
import type { Clash, Literal } from './literal.ts'

export interface Contradiction {
  /** One part or two; none where a part is never true by itself. */
  parts: Clash | readonly []
  /** The parts are those of one alternative, and every other one has its own. */
  isOneOfSeveral: boolean
}

/** Checks that are looked at for one answer; beyond, there is no contradiction. */
const MAX_STEPS = 100_000

export function contradictionIn(node: Expression, holds = true): Contradiction | null {
  return new Search().within(node, holds, new Facts(null))
}

/** Checks by the operand they are about, on top of those that are certain around them. */
class Facts {
  private readonly outer: Facts | null
  private readonly own = new Map<string, Literal[]>()
  private readonly changed = new Set<string>()

  constructor(outer: Facts | null) {
    this.outer = outer
  }

  add(literal: Literal): void {
    const key = subjectOf(literal.predicate)
    const list = this.own.get(key)
    if (list === undefined) this.own.set(key, [literal])
    else list.push(literal)
    this.changed.add(key)
  }

  about(key: string): Literal[] {
    const own = this.own.get(key) ?? []
    return this.outer === null ? own : [...this.outer.about(key), ...own]
  }

  /** Of what came in since the last call; `count` is told of the checks that are looked at. */
  clash(count: (checks: number) => void): Clash | null {
    for (const key of this.changed) {
      const about = this.about(key)
      count(about.length)
      const found = clashOf(about) ?? kindsClash(key, (name) => this.about(name))
      if (found !== null) return found
    }
    this.changed.clear()
    return null
  }
}

/** The network of an address is asked of the address. */
function subjectOf({ left }: Predicate): string {
  return operandKey(left).replace(/^(fd\.[cslr])net$/, '$1ip')
}

interface Part {
  node: Expression
  holds: boolean
}

class Search {
  private steps = 0
  /** Of checks about one operand every two are compared. */
  private readonly count = (checks: number): void => {
    this.steps += checks + Math.min(checks, MAX_COMPARED) ** 2 / 16
  }

  within(node: Expression, holds: boolean, around: Facts): Contradiction | null {
    const facts = new Facts(around)
    let choices: Part[][] = []
    const take = (part: Part): boolean => {
      const { node: one, holds: must } = part
      if (++this.steps > MAX_STEPS) return true
      if (one.kind === 'constant') return one.value === must
      if (one.kind === 'check') facts.add({ predicate: one.predicate, holds: must })
      else if (one.kind === 'not') return take({ node: one.child, holds: !must })
      else {
        const parts = one.children.map((child) => ({ node: child, holds: must }))
        if ((one.kind === 'and') === must) return parts.every(take)
        choices.push(parts)
      }
      return true
    }
    if (!take({ node, holds })) return { parts: [], isOneOfSeveral: false }
    let clash = facts.clash(this.count)
    if (clash !== null) return { parts: clash, isOneOfSeveral: false }
    for (let isNew = true; isNew && this.steps <= MAX_STEPS; ) {
      isNew = false
      const pending = choices
      choices = []
      for (const parts of pending) {
        const { open, reason } = this.openAmong(parts, facts)
        if (open.length === 0) return { parts: reason?.parts ?? [], isOneOfSeveral: parts.length > 1 }
        if (open.length > 1) choices.push(open)
        else {
          isNew = true
          if (!take(open[0]!)) return { parts: [], isOneOfSeveral: true }
          clash = facts.clash(this.count)
          if (clash !== null) return { parts: clash, isOneOfSeveral: true }
        }
      }
    }
    return null
  }

  private openAmong(parts: readonly Part[], facts: Facts): { open: Part[]; reason: Contradiction | null } {
    let reason: Contradiction | null = null
    const open = parts.filter(({ node, holds }) => {
      if (this.steps > MAX_STEPS) return true
      const found = this.within(node, holds, facts)
      reason ??= found
      return found === null
    })
    return { open, reason }
  }
}
