/** How benches print: one readable row a case, or one JSON object a line with `--json`. */
import { cpus, release, totalmem } from 'node:os'

export type Row = Record<string, string | number>

export class Report {
  private readonly json: boolean
  private readonly bench: string

  constructor(bench: string, options: { json: boolean }) {
    this.bench = bench
    this.json = options.json
    if (!this.json) {
      const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()}, Node ${process.version}`
      process.stdout.write(`${bench} on ${machine}\n`)
    }
  }

  row(row: Row): void {
    const text = this.json
      ? JSON.stringify({ bench: this.bench, ...row })
      : Object.entries(row)
          .map(([key, value]) => `${key}=${typeof value === 'number' ? round(value) : value}`)
          .join('  ')
    process.stdout.write(`${text}\n`)
  }
}

export interface Spread {
  median: number
  min: number
  max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

function round(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}
