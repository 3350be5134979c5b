/** The API of the embedded shape: reads the store and the feed of this process. */
import type { Component } from '../../core/model/component.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Config } from '../config.ts'

export interface BuildApiOptions {
  config: Config
  logger: Logger
  readMetrics: () => Promise<string>
}

export function buildApi(_options: BuildApiOptions): Component & { address(): string } {
  return { start: async () => {}, stop: async () => {}, address: () => 'http://127.0.0.1:7327' }
}
