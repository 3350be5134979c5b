/** Documents read once, changed in memory, and written back in one commit. */
import type { DocumentChange, Documents } from '../core/model/documents.ts'

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
    const name = `${space}/${key}`
    let draft = this.drafts.get(name)
    if (draft === undefined) {
      const stored = await this.documents.get(space, key)
      draft = { space, key, value: stored?.value, version: stored?.version ?? 0, isChanged: false }
      this.drafts.set(name, draft)
    }
    return draft
  }
}
