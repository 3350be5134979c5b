import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// As bin/seamark does it, for every Seamark that a test starts.
const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') }

// Files side by side, on two processors too.
const maxWorkers = Math.max(2, availableParallelism() - 1)

// On a shared machine that stands still for seconds; the summary names what needed it. None by default.
const retry = Number(process.env.SEAMARK_TEST_RETRIES ?? 0)

export default defineConfig({
  test: {
    retry,
    // The first tells each test, the second ends with what was skipped and the totals.
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      { test: { name: 'unit', env, retry, include: ['test/unit/**/*.test.ts'], testTimeout: 30_000, maxWorkers } },
      {
        test: {
          name: 'contract',
          env,
          retry,
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 30_000,
          maxWorkers,
        },
      },
      // One file at a time, in one process: they share an Elasticsearch, see test/support/elasticsearch.ts.
      {
        test: {
          name: 'deployment',
          env,
          retry,
          include: ['test/deployment/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      // Real kernel, real engine: one file at a time, or they would flood each other's rings.
      {
        test: {
          name: 'integration',
          env,
          retry,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      // Everything is killed at random while events flow; `npm run test:chaos`, not part of `npm test`.
      {
        test: {
          name: 'chaos',
          env,
          retry,
          include: ['test/chaos/**/*.test.ts'],
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      // A virtual machine loses its power; `npm run test:powercut`, not part of `npm test`.
      { test: { name: 'power-cut', env, include: ['test/power-cut/**/*.test.ts'] } },
    ],
  },
})
