/**
 * For one group of rules: which of them the classes of an event's paths leave to be asked, as words of 32 bits. Worked
 * out once per class (or pair of classes), by judging each condition with all that is not known left open.
 */
import type { EventTypeName } from '../fields/event-types.ts'
import { type Expression, visitExpressions } from './expression.ts'
import { type PathSlot, textCheckOf } from './text-checks.ts'
import { ANY_ATOMS, MAX_CLASSES, NO_ATOMS, type TextClasses } from './text-classes.ts'

interface NumberedCheck {
  slot: PathSlot
  alternatives: number[][]
  exact: boolean
}

/** Pairs of classes beyond this many are not told apart. */
const MAX_ROWS = 65_536

export class ClassMasks {
  /** True when some rule depends on what the second path of the event holds. */
  readonly hasSecond: boolean
  private readonly classes: TextClasses
  private readonly conditions: readonly Expression[]
  private readonly checks = new Map<Expression, NumberedCheck>()
  private readonly words: number
  /** Row of `masks` by class of the first path, or by pair; row 0 leaves everything. */
  private readonly rows = new Map<number, number>()
  private singles = new Int32Array(MAX_CLASSES)
  private masks: Int32Array<ArrayBuffer>
  private rowCount = 1

  /** To be called before the classes are built. */
  constructor(classes: TextClasses, conditions: readonly Expression[], type: EventTypeName) {
    this.classes = classes
    this.conditions = conditions
    this.words = Math.ceil(conditions.length / 32)
    this.masks = new Int32Array(this.words * 16)
    this.masks.fill(-1, 0, this.words)
    visitExpressions(conditions, (node) => {
      const check = node.kind === 'check' ? textCheckOf(node.predicate, type) : null
      if (check === null) return
      const alternatives = check.alternatives.map((atoms) => atoms.map((atom) => classes.add(atom)))
      if (!alternatives.flat().includes(-1)) this.checks.set(node, { ...check, alternatives })
    })
    this.hasSecond = [...this.checks.values()].some(({ slot }) => slot === 'second')
  }

  /** Whether any rule depends on a path at all. */
  get isUseful(): boolean {
    return this.checks.size > 0
  }

  /** The row of masks for the classes of an event's paths; `word` reads it. */
  row(first: number, second: number): number {
    const known = second === NO_ATOMS ? this.singles[first]! : (this.rows.get(first * MAX_CLASSES + second) ?? 0)
    return known !== 0 ? known : this.fill(first, second)
  }

  word(row: number, word: number): number {
    return this.masks[row * this.words + word]!
  }

  private fill(first: number, second: number): number {
    if (first === ANY_ATOMS || second === ANY_ATOMS || this.rowCount >= MAX_ROWS) return 0
    const row = this.rowCount++
    if ((row + 1) * this.words > this.masks.length) {
      const masks = new Int32Array(this.masks.length * 2)
      masks.set(this.masks)
      this.masks = masks
    }
    const judge = new OpenJudge(this.checks, {
      first: new Set(this.classes.members[first]),
      second: new Set(this.classes.members[second]),
    })
    this.masks.fill(0, row * this.words, (row + 1) * this.words)
    this.conditions.forEach((condition, rule) => {
      if (judge.mayHold(condition)) this.masks[row * this.words + (rule >>> 5)]! |= 1 << (rule & 31)
    })
    if (second === NO_ATOMS) this.singles[first] = row
    else this.rows.set(first * MAX_CLASSES + second, row)
    return row
  }
}

/** Judges conditions while only the atoms of the paths are known. */
class OpenJudge {
  private readonly checks: ReadonlyMap<Expression, NumberedCheck>
  private readonly found: Record<PathSlot, ReadonlySet<number>>
  private readonly may = new Map<Expression, boolean>()
  private readonly must = new Map<Expression, boolean>()

  constructor(checks: ReadonlyMap<Expression, NumberedCheck>, found: Record<PathSlot, ReadonlySet<number>>) {
    this.checks = checks
    this.found = found
  }

  mayHold(node: Expression): boolean {
    let known = this.may.get(node)
    if (known === undefined) {
      known = this.judge(node, true)
      this.may.set(node, known)
    }
    return known
  }

  private mustHold(node: Expression): boolean {
    let known = this.must.get(node)
    if (known === undefined) {
      known = this.judge(node, false)
      this.must.set(node, known)
    }
    return known
  }

  /** `open` is the answer where nothing is known. */
  private judge(node: Expression, open: boolean): boolean {
    const child = (part: Expression) => (open ? this.mayHold(part) : this.mustHold(part))
    switch (node.kind) {
      case 'constant':
        return node.value
      case 'not':
        return open ? !this.mustHold(node.child) : !this.mayHold(node.child)
      case 'and':
        return node.children.every(child)
      case 'or':
        return node.children.some(child)
      case 'check': {
        const check = this.checks.get(node)
        if (check === undefined) return open
        const found = this.found[check.slot]
        const isThere = check.alternatives.some((atoms) => atoms.every((atom) => found.has(atom)))
        return isThere ? open || check.exact : false
      }
    }
  }
}
