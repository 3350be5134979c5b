import { defineConfig } from 'vitest/config'

// By itself, not one of the projects of `npm test`: it builds images and runs a whole deployment.
export default defineConfig({
  test: {
    name: 'compose',
    include: ['test/compose/**/*.test.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // In the order in which they stand: what a deployment goes through, from its first start to its end.
    bail: 1,
  },
})
