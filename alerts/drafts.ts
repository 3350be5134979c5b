/** Documents read once, changed in memory, and written back in one commit. */
import type { DocumentChange, DocumentKey, Documents, Versioned } from '../core/model/documents.ts'

interface Draft {
  space: string
  key: string
  value: unknown
  version: number
  isChanged: boolean
}

export class Drafts {
  private readonly documents: Documents
  private readonly drafts = new Map<string, Draft>()

  constructor(documents: Documents) {
    this.documents = documents
  }

  /** Reads ahead, all in one go, what will be asked for; what was read before stays as it was then. */
  async read(wanted: Iterable<DocumentKey>): Promise<void> {
    const missing = new Map<string, DocumentKey>()
    for (const { space, key } of wanted) {
      const name = nameOf(space, key)
      if (!this.drafts.has(name)) missing.set(name, { space, key })
    }
    if (missing.size === 0) return
    const stored = await this.documents.getAll([...missing.values()])
    let i = 0
    for (const [name, { space, key }] of missing) this.keep(name, space, key, stored[i++] ?? null)
  }

  /** The value as it is stored, or as it was set since; undefined where there is none. */
  async get<T>(space: string, key: string): Promise<T | undefined> {
    return (await this.draft(space, key)).value as T | undefined
  }

  /** `undefined` removes. */
  async set(space: string, key: string, value: unknown): Promise<void> {
    const draft = await this.draft(space, key)
    draft.value = value
    draft.isChanged = true
  }

  /** False: someone else changed one of them meanwhile, and nothing was written. */
  async commit(): Promise<boolean> {
    const changes = [...this.drafts.values()].flatMap(({ space, key, value, version, isChanged }): DocumentChange[] =>
      // Made and thrown away again, or never there: nothing to write.
      isChanged && !(value === undefined && version === 0) ? [{ space, key, value, ifVersion: version }] : [],
    )
    return this.documents.commit(changes)
  }

  private async draft(space: string, key: string): Promise<Draft> {
    const name = nameOf(space, key)
    return this.drafts.get(name) ?? this.keep(name, space, key, await this.documents.get(space, key))
  }

  private keep(name: string, space: string, key: string, stored: Versioned | null): Draft {
    const draft = { space, key, value: stored?.value, version: stored?.version ?? 0, isChanged: false }
    this.drafts.set(name, draft)
    return draft
  }
}

function nameOf(space: string, key: string): string {
  return `${space}/${key}`
}
