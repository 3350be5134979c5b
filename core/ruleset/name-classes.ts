/**
 * Sorts names into classes by which atoms they hold: one pass of an Aho-Corasick automaton over the bytes of a name,
 * however many atoms there are. Names of one class are alike to every rule's necessary atoms.
 */
import type { Atom } from './name-atoms.ts'

/** Texts beyond this many characters are not put into the automaton; rules that need them always get a closer look. */
const MAX_STATES = 100_000
/** Classes beyond this are not told apart: their names always get a closer look. */
const MAX_CLASSES = 65_536
/** The class of names without any atom; the first one made. */
export const NO_ATOMS = 1
const START = 256
const END = 257

export class NameClasses {
  /** Atoms of each class; class 0 stands for "unknown": every atom may be there. */
  readonly members: (readonly number[] | null)[] = [null]
  private readonly atoms = new Map<string, number>()
  private readonly texts: number[][] = []
  private symbols = new Uint16Array(0)
  private width = 1
  private next = new Int32Array(0)
  /** Class-building keys of states: atoms that end there. */
  private outputs: (readonly number[])[] = []
  private readonly known = new Map<string, number>()
  private states = 1

  /** The atom's number, or -1 when there is no room for it. To be called before `build`. */
  add({ text, atStart, atEnd }: Atom): number {
    const codes = [...(atStart ? [START] : []), ...Array.from(text, (c) => c.charCodeAt(0)), ...(atEnd ? [END] : [])]
    const key = codes.join()
    const known = this.atoms.get(key)
    if (known !== undefined) return known
    if (this.states + codes.length > MAX_STATES || codes.length === 0) return -1
    this.states += codes.length
    this.atoms.set(key, this.texts.length)
    return this.texts.push(codes) - 1
  }

  build(): void {
    const used = [...new Set(this.texts.flat())]
    // Symbol 0 stands for every byte that no atom holds.
    this.width = used.length + 1
    this.symbols = new Uint16Array(END + 1)
    for (const [i, code] of used.entries()) this.symbols[code] = i + 1
    this.intern('', [])
    const trie: Map<number, number>[] = [new Map()]
    const outputs: number[][] = [[]]
    for (const [atom, codes] of this.texts.entries()) {
      let state = 0
      for (const code of codes) {
        const symbol = this.symbols[code]!
        let child = trie[state]!.get(symbol)
        if (child === undefined) {
          child = trie.push(new Map()) - 1
          outputs.push([])
          trie[state]!.set(symbol, child)
        }
        state = child
      }
      outputs[state]!.push(atom)
    }
    this.next = new Int32Array(trie.length * this.width)
    this.link(trie, outputs)
    this.outputs = outputs.map((list) => [...new Set(list)])
  }

  /** Failure links folded into one table, breadth first. */
  private link(trie: readonly Map<number, number>[], outputs: number[][]): void {
    const failure = new Int32Array(trie.length)
    const queue = [0]
    for (const state of queue) {
      for (let symbol = 0; symbol < this.width; symbol++) {
        const child = trie[state]!.get(symbol)
        const fallback = state === 0 ? 0 : this.next[failure[state]! * this.width + symbol]!
        if (child === undefined) {
          this.next[state * this.width + symbol] = fallback
          continue
        }
        this.next[state * this.width + symbol] = child
        failure[child] = fallback
        outputs[child]!.push(...outputs[fallback]!)
        queue.push(child)
      }
    }
  }

  /** The class of a name (a byte string). */
  classOf(name: string): number {
    const { next, symbols, width, outputs } = this
    const found: number[] = []
    let state = next[symbols[START]!]!
    for (const atom of outputs[state]!) found.push(atom)
    for (let i = 0; i < name.length; i++) {
      state = next[state * width + symbols[name.charCodeAt(i)]!]!
      const ending = outputs[state]!
      if (ending.length > 0) for (const atom of ending) found.push(atom)
    }
    state = next[state * width + symbols[END]!]!
    for (const atom of outputs[state]!) found.push(atom)
    if (found.length === 0) return NO_ATOMS
    const atoms = [...new Set(found)].sort((a, b) => a - b)
    return this.intern(atoms.join(), atoms)
  }

  private intern(key: string, atoms: readonly number[]): number {
    const known = this.known.get(key)
    if (known !== undefined) return known
    if (this.members.length >= MAX_CLASSES) return 0
    const made = this.members.push(atoms) - 1
    this.known.set(key, made)
    return made
  }
}

/** For one group of rules: which of them a class of names leaves to be asked, as 32-bit words. */
export class ClassMasks {
  private readonly classes: NameClasses
  private readonly words: number
  private readonly always: Int32Array
  private readonly byAtom = new Map<number, Int32Array>()
  private masks = new Int32Array(0)
  private ready = new Uint8Array(0)

  /** `needs`: per rule its necessary atoms, or null. */
  constructor(classes: NameClasses, needs: readonly (readonly Atom[] | null)[]) {
    this.classes = classes
    this.words = Math.ceil(needs.length / 32)
    this.always = new Int32Array(this.words)
    needs.forEach((atoms, rule) => {
      const numbers = atoms?.map((atom) => classes.add(atom)) ?? [-1]
      if (numbers.includes(-1)) this.always[rule >>> 5]! |= 1 << (rule & 31)
      else {
        for (const number of numbers) {
          const mask = this.byAtom.get(number) ?? new Int32Array(this.words)
          mask[rule >>> 5]! |= 1 << (rule & 31)
          this.byAtom.set(number, mask)
        }
      }
    })
  }

  /** One word of the mask of a class. */
  word(name: number, word: number): number {
    if (name >= this.ready.length || this.ready[name] === 0) this.fill(name)
    return this.masks[name * this.words + word]!
  }

  private fill(name: number): void {
    if (name >= this.ready.length) {
      const size = Math.max(64, (name + 1) * 2)
      const masks = new Int32Array(size * this.words)
      masks.set(this.masks)
      const ready = new Uint8Array(size)
      ready.set(this.ready)
      this.masks = masks
      this.ready = ready
    }
    const members = this.classes.members[name]
    for (let word = 0; word < this.words; word++) {
      let mask = this.always[word]!
      if (members === null) mask = -1
      else for (const atom of members!) mask |= this.byAtom.get(atom)?.[word] ?? 0
      this.masks[name * this.words + word] = mask
    }
    this.ready[name] = 1
  }
}
