/**
 * Notices that rule files changed on disk. Looks at names, sizes and times in intervals instead of asking the kernel to
 * tell: editors replace files by new ones, mounted configurations swap links, and network file systems tell nothing.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface RuleWatchOptions {
  /** Files and folders. */
  paths: readonly string[]
  onChange: () => void
  intervalMs?: number
}

const INTERVAL_MS = 1_000

export class RuleWatch {
  private readonly paths: readonly string[]
  private readonly onChange: () => void
  private readonly intervalMs: number
  private timer: NodeJS.Timeout | null = null
  private told = ''
  private seen = ''

  constructor({ paths, onChange, intervalMs = INTERVAL_MS }: RuleWatchOptions) {
    this.paths = paths
    this.onChange = onChange
    this.intervalMs = intervalMs
  }

  /** What is there now counts as known. */
  start(): void {
    this.acknowledge()
    this.timer = setInterval(() => this.look(), this.intervalMs)
    this.timer.unref()
  }

  /** Somebody else is about to read the files as they are now: no need to tell of that. */
  acknowledge(): void {
    this.told = this.seen = stateOf(this.paths)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  /** Tells a change once it has stayed for an interval: a file that is still written would only be refused. */
  private look(): void {
    const now = stateOf(this.paths)
    const isSteady = now === this.seen
    this.seen = now
    if (!isSteady || now === this.told) return
    this.told = now
    this.onChange()
  }
}

function stateOf(paths: readonly string[]): string {
  return paths
    .flatMap((path) => {
      const own = stateOfFile(path)
      if (!own.isFolder) return [own.text]
      return filesIn(path).map((name) => stateOfFile(join(path, name)).text)
    })
    .join('\n')
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
  } catch {
    return []
  }
}

function stateOfFile(path: string): { text: string; isFolder: boolean } {
  try {
    const state = statSync(path)
    const { ino, size, mtimeMs, ctimeMs } = state
    return { text: `${path} ${ino} ${size} ${mtimeMs} ${ctimeMs}`, isFolder: state.isDirectory() }
  } catch {
    return { text: `${path} is not there`, isFolder: false }
  }
}
