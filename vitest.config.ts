import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// As bin/seamark does it, for every Seamark that a test starts.
const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') }

// Files side by side, on two processors too.
const maxWorkers = Math.max(2, availableParallelism() - 1)

// On a shared machine that stands still for seconds; the summary names what needed it. None by default.
const retry = Number(process.env.SEAMARK_TEST_RETRIES ?? 0)

const patience = Number(process.env.SEAMARK_TEST_PATIENCE ?? 1)
const expectation = { poll: { timeout: 1_000 * patience } }

export default defineConfig({
  test: {
    retry,
    // The first tells each test, the second ends with what was skipped and the totals.
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          env,
          retry,
          expect: expectation,
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 30_000 * patience,
          maxWorkers,
        },
      },
      {
        test: {
          name: 'contract',
          env,
          retry,
          expect: expectation,
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 30_000 * patience,
          maxWorkers,
        },
      },
      // One file at a time, in one process: they share an Elasticsearch, see test/support/elasticsearch.ts.
      {
        test: {
          name: 'deployment',
          env,
          retry,
          expect: expectation,
          include: ['test/deployment/**/*.test.ts'],
          testTimeout: 180_000 * patience,
          hookTimeout: 180_000 * patience,
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
          expect: expectation,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 180_000 * patience,
          hookTimeout: 180_000 * patience,
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
          expect: expectation,
          include: ['test/chaos/**/*.test.ts'],
          hookTimeout: 180_000 * patience,
          fileParallelism: false,
        },
      },
      // A virtual machine loses its power; `npm run test:powercut`, not part of `npm test`.
      { test: { name: 'power-cut', env, include: ['test/power-cut/**/*.test.ts'] } },
    ],
  },
})
