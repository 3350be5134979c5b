/**
 * From a shell in a container to its alert at a consumer of the live tail, through the whole embedded program: kernel,
 * rules, queue, alerting. Time of the event is the kernel's own.
 */
import { ApiClient } from '../app/api-client.ts'
import { readConfig } from '../app/config.ts'
import {
  createContainer,
  execInContainer,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../test/support/docker.ts'
import { RunningSeamark } from '../test/support/seamark.ts'
import { until } from '../test/support/wait.ts'
import { percentile, Report } from './support/report.ts'

const SHELLS = 200

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('latency', options)
  const engine = testEngine()
  const image = await testImage(engine)
  const seamark = await new RunningSeamark().start()
  const { id } = await createContainer(engine, image, { Cmd: ['sleep', '600'] })
  const abort = new AbortController()
  const latencies: number[] = []
  try {
    await startContainer(engine, id)
    const config = readConfig(undefined)
    const client = new ApiClient({ ...config, dataDir: seamark.dataDir })
    const opened = Promise.withResolvers<void>()
    const watching = (async () => {
      for await (const { event, data } of client.tail(
        { kinds: 'detection', filter: 'rule.name: container.unexpected-process' },
        abort.signal,
        opened.resolve,
      )) {
        if (event !== 'missed')
          latencies.push(
            Date.now() - Date.parse(String((data as { body: Record<string, unknown> }).body['@timestamp'])),
          )
      }
    })().catch(opened.reject)
    await opened.promise
    for (let i = 0; i < SHELLS; i++) {
      await execInContainer(engine, id, ['wget', '--help'])
      await until('its alert', () => latencies.length > i)
    }
    abort.abort()
    await watching
    report.row({
      case: 'single event, embedded',
      alerts: latencies.length,
      p50_ms: percentile(latencies, 0.5),
      p99_ms: percentile(latencies, 0.99),
      max_ms: Math.max(...latencies),
    })
  } finally {
    abort.abort()
    await removeContainer(engine, id)
    await seamark.remove()
  }
}
