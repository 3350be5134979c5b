/**
 * Processes about which all conditions say the same are of one kind. A process met for the first time is asked once, for
 * all event types together; what follows from it for the rules of an event type is worked out once per kind. A host has
 * thousands of processes and a few dozen kinds.
 */
import { WordSequences } from './word-sequences.ts'

/** Kinds told apart before all are forgotten (more if one batch brings more). */
export const MAX_KINDS = 4096

export class ProcessKinds {
  /** By process identity: its kind, 0 not asked yet. */
  byProcess = new Int32Array(0)
  /** Where the verdicts of a process are written, 32 to a word, before `learn`. */
  readonly draft: Int32Array<ArrayBuffer>
  readonly wordCount: number
  /** Of programs, of lineages and of images. */
  readonly steady: readonly SteadyVerdicts[]
  /** Verdicts of kind k: `wordCount` words from `k * wordCount` on. */
  verdicts: Int32Array<ArrayBuffer>
  private readonly numbers = new WordSequences()
  private readonly masks: KindMasks[] = []
  private known = 0

  /** `steadyWords`: how many of the words, from the first on, are about programs, lineages and images. */
  constructor(wordCount: number, steadyWords: readonly number[]) {
    this.wordCount = wordCount
    this.draft = new Int32Array(this.wordCount)
    this.verdicts = new Int32Array(this.wordCount * 64)
    let from = 0
    this.steady = steadyWords.map((count) => {
      from += count
      return new SteadyVerdicts(this.draft, from - count, count)
    })
  }

  /** Kinds told apart at the moment. */
  get count(): number {
    return this.known
  }

  /** Masks for a group of rules; `verdicts`: by rule the verdict it waits for, -1 where any process will do. */
  masksFor(verdicts: readonly number[]): KindMasks {
    const masks = new KindMasks(this, verdicts)
    this.masks.push(masks)
    return masks
  }

  /** Begins a batch whose identities lie below `capacity`. `isFresh`: those given out before are void. */
  open(isFresh: boolean, capacity: number): void {
    const isFull = this.known >= MAX_KINDS
    if (isFull) {
      this.known = 0
      this.numbers.clear()
      for (const masks of this.masks) masks.clear()
    }
    for (const steady of this.steady) steady.open(isFresh, capacity)
    if (isFresh || isFull || this.byProcess.length !== capacity) this.byProcess = new Int32Array(capacity)
  }

  /** The kind of the process whose verdicts are in `draft`; remembered. */
  learn(process: number): number {
    const kind = this.numbers.numberOf(this.draft, 0, this.draft.length)
    if (kind > this.known) {
      this.known = kind
      const room = (kind + 1) * this.wordCount
      if (room > this.verdicts.length) {
        const verdicts = new Int32Array(room * 2)
        verdicts.set(this.verdicts)
        this.verdicts = verdicts
      }
      this.verdicts.set(this.draft, kind * this.wordCount)
    }
    this.byProcess[process] = kind
    return kind
  }
}

/** What was said of a program, a lineage or an image: some words of the draft, by number. */
class SteadyVerdicts {
  private readonly draft: Int32Array
  private readonly from: number
  private readonly count: number
  private words = new Int32Array(0)
  private isKept = new Uint8Array(0)

  constructor(draft: Int32Array, from: number, count: number) {
    this.draft = draft
    this.from = from
    this.count = count
  }

  open(isFresh: boolean, capacity: number): void {
    if (!isFresh && this.isKept.length === capacity) return
    this.isKept = new Uint8Array(capacity)
    this.words = new Int32Array(capacity * this.count)
  }

  /** Writes what is kept under a number into the draft; false when there is nothing. */
  recall(number: number): boolean {
    if (this.isKept[number] === 0) return false
    const at = number * this.count
    for (let word = 0; word < this.count; word++) this.draft[this.from + word] = this.words[at + word]!
    return true
  }

  /** Keeps what is in the draft. */
  keep(number: number): void {
    const at = number * this.count
    for (let word = 0; word < this.count; word++) this.words[at + word] = this.draft[this.from + word]!
    this.isKept[number] = 1
  }
}

/** For one group of rules: which of them a kind of process leaves to be asked, as words of 32 bits. */
class KindMasks {
  /** The words of a kind begin where `at` says. */
  words = new Int32Array(0)
  private readonly kinds: ProcessKinds
  private readonly awaited: readonly number[]
  private readonly wordCount: number
  /** By kind: 1 when its words are there. */
  private filled = new Uint8Array(0)

  constructor(kinds: ProcessKinds, awaited: readonly number[]) {
    this.kinds = kinds
    this.awaited = awaited
    this.wordCount = Math.ceil(awaited.length / 32)
  }

  at(kind: number): number {
    if (kind >= this.filled.length || this.filled[kind] === 0) this.fill(kind)
    return kind * this.wordCount
  }

  clear(): void {
    this.filled.fill(0)
  }

  private fill(kind: number): void {
    if (kind >= this.filled.length) {
      const filled = new Uint8Array((kind + 1) * 2)
      filled.set(this.filled)
      const words = new Int32Array(filled.length * this.wordCount)
      words.set(this.words)
      this.filled = filled
      this.words = words
    }
    const { verdicts, wordCount } = this.kinds
    const from = kind * this.wordCount
    this.words.fill(0, from, from + this.wordCount)
    this.awaited.forEach((verdict, rule) => {
      const holds = verdict < 0 || (verdicts[kind * wordCount + (verdict >>> 5)]! & (1 << (verdict & 31))) !== 0
      if (holds) this.words[from + (rule >>> 5)]! |= 1 << (rule & 31)
    })
    this.filled[kind] = 1
  }
}
