/**
 * Sorts texts into classes by which atoms they hold: one pass of an Aho-Corasick automaton over the bytes of a text,
 * however many atoms there are. Texts of one class are alike to every check that atoms can answer.
 */
import type { Atom } from './text-checks.ts'

/** Texts beyond this many characters are not put into the automaton; checks that need them always get a closer look. */
const MAX_STATES = 100_000
/** Classes beyond this are not told apart: their texts always get a closer look. */
export const MAX_CLASSES = 4096
const MAX_ATOMS = 32_768
/** The class of texts whose atoms are not known. */
export const ANY_ATOMS = 0
/** The class of texts without any atom, and of texts that are absent. */
export const NO_ATOMS = 1
const START = 256
const END = 257
const SLASH = 0x2f

export class TextClasses {
  /** Atoms of each class, ascending. */
  readonly members: (readonly number[])[] = [[], []]
  private readonly atoms = new Map<string, number>()
  private readonly texts: { codes: number[]; isDirectory: boolean }[] = []
  private stateCount = 1
  /** Symbol of each byte; 0 for all that no atom holds. */
  private symbols = new Uint16Array(0)
  private symbolCount = 1
  /**
   * The automaton, a row per state; a state is known by where its row starts. By symbol the state that follows, negated
   * (`~`) where atoms end in it; then the number of the list of these atoms; then the same for directories, whose slash
   * must be the last.
   */
  private rows = new Int32Array(0)
  private readonly lists: (readonly number[])[] = [[]]
  private readonly listNumbers = new Map<string, number>([['', 0]])
  private readonly classes = new Map<string, number>([['', NO_ATOMS]])
  /** By class and list of atoms: the class that holds both, plus one; 0 not known yet. */
  private readonly joined: Uint16Array[] = []

  /** The atom's number, or -1 when there is no room for it. To be called before `build`. */
  add({ text, atStart, atEnd, isDirectory }: Atom): number {
    const key = `${isDirectory ? 'd' : ''}${atStart ? 's' : ''}${atEnd ? 'e' : ''} ${text}`
    const known = this.atoms.get(key)
    if (known !== undefined) return known
    const length = text.length + Number(atStart) + Number(atEnd)
    if (this.stateCount + length > MAX_STATES || this.texts.length >= MAX_ATOMS) return -1
    const codes = [...(atStart ? [START] : []), ...Array.from(text, (c) => c.charCodeAt(0)), ...(atEnd ? [END] : [])]
    this.stateCount += codes.length
    this.atoms.set(key, this.texts.length)
    return this.texts.push({ codes, isDirectory }) - 1
  }

  build(): void {
    const used = [...new Set(this.texts.flatMap(({ codes }) => codes))]
    this.symbolCount = used.length + 1
    this.symbols = new Uint16Array(END + 1)
    for (const [i, code] of used.entries()) this.symbols[code] = i + 1
    const trie: Map<number, number>[] = [new Map()]
    const ends: number[][] = [[]]
    const directories: number[][] = [[]]
    for (const [atom, { codes, isDirectory }] of this.texts.entries()) {
      let state = 0
      for (const code of codes) {
        const symbol = this.symbols[code]!
        let child = trie[state]!.get(symbol)
        if (child === undefined) {
          child = trie.push(new Map()) - 1
          ends.push([])
          directories.push([])
          trie[state]!.set(symbol, child)
        }
        state = child
      }
      ;(isDirectory ? directories : ends)[state]!.push(atom)
    }
    const next = this.link(trie, ends)
    const width = this.symbolCount + 2
    this.rows = new Int32Array(trie.length * width)
    for (let state = 0; state < trie.length; state++) {
      for (let symbol = 0; symbol < this.symbolCount; symbol++) {
        const after = next[state * this.symbolCount + symbol]!
        this.rows[state * width + symbol] = ends[after]!.length > 0 ? ~(after * width) : after * width
      }
      this.rows[state * width + width - 2] = this.listOf(ends[state]!)
      this.rows[state * width + width - 1] = this.listOf(directories[state]!)
    }
    for (const _ of this.members) this.joined.push(new Uint16Array(this.lists.length))
  }

  /** By state and symbol the state that follows, failure links folded in; breadth first. */
  private link(trie: readonly Map<number, number>[], ends: number[][]): Int32Array {
    const { symbolCount } = this
    const next = new Int32Array(trie.length * symbolCount)
    const failure = new Int32Array(trie.length)
    const queue = [0]
    for (const state of queue) {
      for (let symbol = 0; symbol < symbolCount; symbol++) {
        const child = trie[state]!.get(symbol)
        const fallback = state === 0 ? 0 : next[failure[state]! * symbolCount + symbol]!
        next[state * symbolCount + symbol] = child ?? fallback
        if (child === undefined) continue
        failure[child] = fallback
        ends[child]!.push(...ends[fallback]!)
        queue.push(child)
      }
    }
    return next
  }

  private listOf(atoms: readonly number[]): number {
    const list = [...new Set(atoms)].sort((a, b) => a - b)
    const key = list.join()
    const known = this.listNumbers.get(key)
    if (known !== undefined) return known
    const number = this.lists.push(list) - 1
    this.listNumbers.set(key, number)
    return number
  }

  /** The class of the text in some bytes. */
  classOf(source: Uint8Array, start: number, end: number): number {
    const { rows, symbols, symbolCount } = this
    const list = symbolCount
    const directoryList = symbolCount + 1
    // No atom ends in the start alone.
    let state = rows[symbols[START]!]!
    let found = NO_ATOMS
    // A text without a slash counts as an entry of the root.
    let directory = rows[after(rows[state + symbols[SLASH]!]!) + directoryList]!
    for (let i = start; i < end; i++) {
      const byte = source[i]!
      state = rows[state + symbols[byte]!]!
      if (state < 0) {
        state = ~state
        found = this.join(found, rows[state + list]!)
      }
      if (byte === SLASH) directory = rows[state + directoryList]!
    }
    if (directory !== 0) found = this.join(found, directory)
    const last = rows[state + symbols[END]!]!
    return last < 0 ? this.join(found, rows[~last + list]!) : found
  }

  private join(known: number, list: number): number {
    const found = this.joined[known]![list]!
    return found !== 0 ? found - 1 : this.makeJoined(known, list)
  }

  private makeJoined(known: number, list: number): number {
    const atoms = [...new Set([...this.members[known]!, ...this.lists[list]!])].sort((a, b) => a - b)
    const found = known === ANY_ATOMS ? ANY_ATOMS : this.classFor(atoms)
    this.joined[known]![list] = found + 1
    return found
  }

  private classFor(atoms: readonly number[]): number {
    const key = atoms.join()
    const known = this.classes.get(key)
    if (known !== undefined) return known
    if (this.members.length >= MAX_CLASSES) return ANY_ATOMS
    const made = this.members.push(atoms) - 1
    this.joined.push(new Uint16Array(this.lists.length))
    this.classes.set(key, made)
    return made
  }
}

function after(entry: number): number {
  return entry < 0 ? ~entry : entry
}
