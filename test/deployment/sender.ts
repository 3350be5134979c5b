/** A host that is nothing but its key: what it sends, the test decides. */
import { IngestClient } from '../../collector/central/ingest-client.ts'
import { joinFrames } from '../../core/batch/frames.ts'
import { newSecretKey } from '../../core/runtime/secret-key.ts'
import type { Deployment } from '../support/deployment.ts'

export interface Sender {
  collector: string
  key: string
  /** The status, and how long the answer took. */
  send(batches: readonly Uint8Array[], headers?: Record<string, string>): Promise<{ status: number; tookMs: number }>
  close(): void
}

export async function enrolSender(deployment: Deployment, url: string, collector: string): Promise<Sender> {
  const token = (await deployment.command('agents', 'token')).stdout.trim()
  return enrolWith(url, token, collector)
}

export async function enrolWith(url: string, token: string, collector: string): Promise<Sender> {
  const stranger = new IngestClient({ url })
  const { id, secret, digest } = newSecretKey()
  const body = Buffer.from(JSON.stringify({ token, collector, agent: id, digest }))
  const answer = await stranger.send({ method: 'POST', path: '/ingest/v1/enrol', type: 'application/json', body })
  stranger.close()
  if (answer.status !== 201) throw new Error(`not enrolled: ${answer.body.toString('utf8')}`)
  return senderWith(url, `${id}.${secret}`, collector)
}

export function senderWith(url: string, key: string, collector: string): Sender {
  const client = new IngestClient({ url, key })
  return {
    collector,
    key,
    async send(batches, headers = {}) {
      const startMs = performance.now()
      const { status } = await client.send({
        method: 'POST',
        path: '/ingest/v1/batches',
        type: 'application/vnd.seamark.batches',
        body: joinFrames(batches),
        headers,
      })
      return { status, tookMs: performance.now() - startMs }
    },
    close: () => client.close(),
  }
}
