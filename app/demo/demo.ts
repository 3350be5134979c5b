/** Carries out the attacks one by one against a running Seamark and watches for each one's alert. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../../collector/docker/engine.ts'
import type { ApiClient } from '../api-client.ts'
import { ATTACKS, type Attack, remove } from './attacks.ts'

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
  client: ApiClient
  engine: Engine
  image: string
  onOutcome: (outcome: Outcome) => void
}

export async function runDemo({ client, engine, image, onOutcome }: DemoOptions): Promise<Outcome[]> {
  const abort = new AbortController()
  const seen: Seen[] = []
  const subscribed = Promise.withResolvers<void>()
  const watching = watch(client, abort.signal, seen, subscribed.resolve).catch((error: unknown) => {
    subscribed.reject(error)
    if (!abort.signal.aborted) throw error
  })
  try {
    await subscribed.promise
    const outcomes: Outcome[] = []
    for (const attack of ATTACKS) {
      const outcome = await carryOut(attack, engine, image, seen)
      outcomes.push(outcome)
      onOutcome(outcome)
    }
    return outcomes
  } finally {
    abort.abort()
    await watching
  }
}

async function watch(client: ApiClient, signal: AbortSignal, seen: Seen[], onOpen: () => void): Promise<void> {
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

async function carryOut(attack: Attack, engine: Engine, image: string, seen: readonly Seen[]): Promise<Outcome> {
  const containerId = await attack.run(engine, image)
  try {
    const endMs = Date.now() + ALERT_MS
    for (;;) {
      const found = seen.find((alert) => alert.rule === attack.rule && containerId.startsWith(alert.containerId))
      if (found !== undefined) {
        const happenedMs = Date.parse(String(found.body['@timestamp']))
        return {
          title: attack.title,
          rule: attack.rule,
          alert: {
            id: found.id,
            output: String(found.body.message),
            container: String((found.body.container as { name?: string } | undefined)?.name),
            latencyMs: Math.max(0, found.receivedMs - happenedMs),
          },
        }
      }
      if (Date.now() > endMs) return { title: attack.title, rule: attack.rule, alert: null }
      await delay(5)
    }
  } finally {
    await remove(engine, containerId)
  }
}
