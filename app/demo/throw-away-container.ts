/** A container that is gone afterwards, whatever happens to it or to whoever uses it. */
import { randomBytes } from 'node:crypto'
import type { Engine } from '../../collector/docker/engine.ts'
import { AppError } from '../../core/model/errors.ts'

export interface ThrowAwayOptions {
  engine: Engine
  image: string
  /** Its container is called `seamark-demo-<name>-…`. */
  name: string
  /** What the Engine API takes to create it. */
  spec: Record<string, unknown>
}

/** Creates and starts the container, lets `work` use it, and removes it. Rejects with what `work` rejects with. */
export async function withContainer<T>(options: ThrowAwayOptions, work: (id: string) => Promise<T>): Promise<T> {
  const { engine, image, spec } = options
  const name = `seamark-demo-${options.name}-${randomBytes(3).toString('hex')}`
  const query = new URLSearchParams({ name })
  try {
    const body = { Image: image, NetworkDisabled: true, ...spec }
    const { Id: id } = await engine.call<{ Id: string }>(`/containers/create?${query}`, { method: 'POST', body })
    await engine.call(`/containers/${id}/start`, { method: 'POST' })
    return await work(id)
  } finally {
    // By its name: the answer that brings the id may have been lost.
    await remove(engine, name)
  }
}

/** One that was never made, or is gone already, is what was wanted. */
async function remove(engine: Engine, name: string): Promise<void> {
  try {
    await engine.call(`/containers/${name}?force=1&v=1`, { method: 'DELETE' })
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'E_DOCKER_REFUSED')) throw error
  }
}
