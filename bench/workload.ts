/** Runs the C loops of workload.c and reads what they cost. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export interface Loop {
  wallNs: number
  /** User and system time of the loop and its children. */
  cpuNs: number
}

export async function runLoop(program: string, args: string[]): Promise<Loop> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const [wallNs, cpuNs] = output.split(' ').map(Number)
  if (status !== 0 || wallNs === undefined || cpuNs === undefined) throw new Error(`the workload failed: ${status}`)
  return { wallNs, cpuNs }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
