/**
 * Ends a test run with what was skipped and what passed at a second try only, test by test, and one plain line of totals
 * that scripts can read.
 */
import type { Reporter, TestModule } from 'vitest/node'

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 }
    const skipped: string[] = []
    const retried: string[] = []
    for (const module of modules) {
      // A file that could not even be loaded has no tests to count, and is a failure all the same.
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) totals.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if ((test.diagnostic()?.retryCount ?? 0) > 0) retried.push(`${test.fullName} (${state})`)
        if (state === 'passed') totals.passed++
        else if (state === 'failed') totals.failed++
        else {
          totals.skipped++
          skipped.push(test.fullName)
        }
      }
    }
    const lines = [
      ...(skipped.length > 0 ? ['Skipped:', ...skipped.map((name) => `  ${name}`)] : []),
      ...(retried.length > 0 ? ['Tried again:', ...retried.map((name) => `  ${name}`)] : []),
      `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`,
    ]
    process.stdout.write(`\n${lines.join('\n')}\n`)
  }
}
