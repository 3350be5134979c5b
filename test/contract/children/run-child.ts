/** Runs a script of this folder as a process of its own, to be watched by its lines and killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

export interface Child {
  /** Resolves when it printed this line. */
  printed(line: string): Promise<void>
  kill(): Promise<void>
}

export function runChild(script: string, ...args: string[]): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  const seen = new Set<string>()
  lines.on('line', (line) => seen.add(line))
  return {
    async printed(line) {
      while (!seen.has(line)) await once(lines, 'line')
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
