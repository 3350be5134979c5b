/** Carries out the attacks one by one against a running Seamark and watches for each one's alert. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../../collector/docker/engine.ts'
import { AppError } from '../../core/model/errors.ts'
import type { ApiClient } from '../api-client.ts'
import { ATTACKS, type Attack } from './attacks.ts'
import { withContainer } from './throw-away-container.ts'

/** How long an alert may take before it counts as missing. */
const ALERT_MS = 10_000

export interface Outcome {
  title: string
  rule: string
  /** Null: no alert came. */
  alert: { id: string; output: string; container: string; latencyMs: number } | null
}

interface Seen {
  rule: string
  containerId: string
  receivedMs: number
  body: Record<string, unknown>
  id: string
}

export interface DemoOptions {
  client: Pick<ApiClient, 'tail'>
  engine: Engine
  image: string
  onOutcome: (outcome: Outcome) => void
  /** Aborting it ends the demo, its containers removed. */
  signal: AbortSignal
}

/** Rejects when the watching ends early or the signal aborts. No container is left in any case. */
export async function runDemo({ client, engine, image, onOutcome, signal }: DemoOptions): Promise<Outcome[]> {
  const done = new AbortController()
  const seen: Seen[] = []
  const subscribed = Promise.withResolvers<void>()
  // What goes wrong while watching ends the attack under way.
  const failed = new AbortController()
  const watching = watch(client, AbortSignal.any([done.signal, signal]), seen, subscribed.resolve)
    .then(() => {
      throw new AppError('E_API_UNAVAILABLE', 'Seamark ended while its alerts were watched', { retryable: true })
    })
    .catch((error: unknown) => {
      subscribed.reject(error)
      failed.abort(error)
    })
  const ended = AbortSignal.any([signal, failed.signal])
  try {
    await subscribed.promise
    const outcomes: Outcome[] = []
    for (const attack of ATTACKS) {
      ended.throwIfAborted()
      const outcome = await withContainer(
        { engine, image, name: attack.name, spec: attack.container },
        async (containerId) => {
          await attack.act?.(engine, containerId)
          return awaitAlert(attack, containerId, seen, ended)
        },
      )
      outcomes.push(outcome)
      onOutcome(outcome)
    }
    return outcomes
  } finally {
    done.abort()
    await watching
  }
}

async function watch(
  client: DemoOptions['client'],
  signal: AbortSignal,
  seen: Seen[],
  onOpen: () => void,
): Promise<void> {
  for await (const { event, data } of client.tail({ kinds: 'alert' }, signal, onOpen)) {
    if (event === 'missed') continue
    const { id, body } = data as { id: string; body: Record<string, unknown> }
    seen.push({
      id,
      body,
      rule: String((body.rule as { name?: string } | undefined)?.name),
      containerId: String((body.container as { id?: string } | undefined)?.id),
      receivedMs: Date.now(),
    })
  }
}

async function awaitAlert(
  { title, rule }: Attack,
  containerId: string,
  seen: readonly Seen[],
  signal: AbortSignal,
): Promise<Outcome> {
  for (const endMs = Date.now() + ALERT_MS; Date.now() <= endMs; ) {
    const found = seen.find((alert) => alert.rule === rule && containerId.startsWith(alert.containerId))
    if (found === undefined) {
      signal.throwIfAborted()
      await delay(5)
      continue
    }
    const happenedMs = Date.parse(String(found.body['@timestamp']))
    return {
      title,
      rule,
      alert: {
        id: found.id,
        output: String(found.body.message),
        container: String((found.body.container as { name?: string } | undefined)?.name),
        latencyMs: Math.max(0, found.receivedMs - happenedMs),
      },
    }
  }
  return { title, rule, alert: null }
}
