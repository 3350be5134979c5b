/**
 * Records system calls together with what names them: the containers that Docker tells of, from the beginning to the
 * end, and whose the cgroups are that were there before. Without Docker the calls are recorded all the same.
 */
import { Engine } from '../../collector/docker/engine.ts'
import { factsOfContainer } from '../../collector/docker/inspect.ts'
import { Cgroups } from '../../collector/host/cgroups.ts'
import type { ContainerFacts } from '../../collector/host/container-facts.ts'
import { Containers } from '../../collector/host/containers.ts'
import { encodeRecordedFacts } from '../../collector/host/recorded-facts.ts'
import { DockerEventsSource } from '../../collector/sources/docker-events/docker-events-source.ts'
import { findCgroupHierarchy } from '../../collector/sources/syscalls/cgroup-hierarchy.ts'
import { SyscallSource } from '../../collector/sources/syscalls/syscall-source.ts'
import type { CapturePlan } from '../../core/model/source.ts'
import type { Config } from '../config.ts'

/** What was learnt is written this often, so that a recording that ends suddenly has names, too. */
const WRITE_MS = 500
const STOP_MS = 2_000

export interface Recorder {
  /** Throws AppError E_CAPTURE_UNAVAILABLE or E_CAPTURE_FAILED. */
  start(path: string, maxBytes: number): Promise<void>
  /** How many events had no room. Safe twice. */
  stop(): Promise<{ cut: number }>
}

export function buildRecorder(options: {
  config: Pick<Config, 'docker'>
  plan: CapturePlan
  onWarning: (message: string) => void
}): Recorder {
  const { config, plan, onWarning } = options
  const engine = new Engine({ socketPath: config.docker.socket })
  const changed = new Map<string, ContainerFacts>()
  const containers = new Containers({
    inspect: (id) => factsOfContainer(engine, id),
    onChange: (facts) => void changed.set(facts.id, facts),
  })
  const docker = new DockerEventsSource({
    engine,
    containers,
    inBackground: (_task, work) => {
      Promise.resolve()
        .then(work)
        .catch((error: unknown) => onWarning(`a container has no name: ${(error as Error).message}`))
    },
    onState: (state, reason) => {
      if (state === 'down') onWarning(`Docker cannot be reached, containers have no names: ${reason}`)
    },
  })
  const syscalls = new SyscallSource({ onWarning })
  const sink = { emit: async () => true }
  let timer: NodeJS.Timeout | undefined
  let isRecording = false
  const write = () => {
    if (changed.size === 0) return
    syscalls.recordFacts(encodeRecordedFacts({ containers: [...changed.values()], cgroups: [] }))
    changed.clear()
  }
  return {
    async start(path, maxBytes) {
      if (config.docker.enabled) await docker.start(sink, null)
      await syscalls.start(sink, null, plan)
      syscalls.startRecording(path, maxBytes)
      isRecording = true
      // Only now, so that no cgroup is made between the look around and the first announcement.
      const cgroups = new Cgroups({ cgroupRoot: findCgroupHierarchy().mountPoint })
      cgroups.scan()
      syscalls.recordFacts(encodeRecordedFacts({ containers: [], cgroups: cgroups.owned() }))
      write()
      timer = setInterval(write, WRITE_MS)
    },
    async stop() {
      clearInterval(timer)
      await docker.stop()
      if (isRecording) {
        write()
        syscalls.stopRecording()
      }
      isRecording = false
      await syscalls.stop(STOP_MS)
      return { cut: syscalls.stats()?.recordingCut ?? 0 }
    },
  }
}
