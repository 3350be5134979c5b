/** A real Docker engine for tests, and an image to run in it. */
import { existsSync } from 'node:fs'
import { prepareImage } from '../../app/demo/image.ts'
import { Engine } from '../../collector/docker/engine.ts'

export const DOCKER_SOCKET = process.env.SEAMARK_TEST_DOCKER ?? '/var/run/docker.sock'

/** Why there is no engine, or null when there is one. */
export async function dockerMissing(): Promise<string | null> {
  if (!existsSync(DOCKER_SOCKET))
    return `no Docker socket at ${DOCKER_SOCKET} (apt-get install docker.io, start dockerd)`
  try {
    await new Engine({ socketPath: DOCKER_SOCKET }).apiVersion()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

export function testEngine(): Engine {
  return new Engine({ socketPath: DOCKER_SOCKET, timeoutMs: 30_000 })
}

export function testImage(engine: Engine): Promise<string> {
  return prepareImage(engine, () => {})
}

let counter = 0

/** A container that waits to be told, removed by the caller. */
export async function createContainer(
  engine: Engine,
  image: string,
  spec: Record<string, unknown> = {},
): Promise<{ id: string; name: string }> {
  const name = `seamark-test-${process.pid}-${counter++}`
  const body = { Image: image, Cmd: ['sleep', '60'], NetworkDisabled: true, ...spec }
  const { Id } = await engine.call<{ Id: string }>(`/containers/create?name=${name}`, { method: 'POST', body })
  return { id: Id, name }
}

export async function startContainer(engine: Engine, id: string): Promise<void> {
  await engine.call(`/containers/${id}/start`, { method: 'POST' })
}

export async function execInContainer(engine: Engine, id: string, command: string[]): Promise<void> {
  const { Id } = await engine.call<{ Id: string }>(`/containers/${id}/exec`, {
    method: 'POST',
    body: { Cmd: command, AttachStdout: true, AttachStderr: true },
  })
  await engine.call(`/exec/${Id}/start`, { method: 'POST', body: { Detach: true } })
}

export async function removeContainer(engine: Engine, id: string): Promise<void> {
  await engine.call(`/containers/${id}?force=1&v=1`, { method: 'DELETE' })
}
