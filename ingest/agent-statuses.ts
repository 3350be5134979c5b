/**
 * What is known of the agents' last requests, written every few seconds for each agent, and for all that are due
 * together: a thousand hosts are not a thousand commits. What was not written when the process dies, the hosts' next
 * requests say again.
 */
import type { Component } from '../core/model/component.ts'
import type { AgentStatus, Agents } from './agents.ts'

export interface AgentStatusesOptions {
  agents: Agents
  onError: (error: unknown) => void
}

/** For each agent. */
const STATUS_MS = 5_000
/** How long one that is due waits for others. */
const GATHER_MS = 250

export class AgentStatuses implements Component {
  private readonly options: AgentStatusesOptions
  /** By agent that sent something within the last while: when its status was taken to be written. */
  private readonly takenMs = new Map<string, number>()
  private due = new Map<string, AgentStatus>()
  private timer: NodeJS.Timeout | undefined
  private writing: Promise<void> = Promise.resolve()

  constructor(options: AgentStatusesOptions) {
    this.options = options
  }

  async start(): Promise<void> {}

  /** Writes what is due. */
  async stop(): Promise<void> {
    this.write()
    await this.writing
  }

  note(agentId: string, status: AgentStatus): void {
    const age = status.lastSeenMs - (this.takenMs.get(agentId) ?? 0)
    if (age >= 0 && age < STATUS_MS) return
    this.takenMs.set(agentId, status.lastSeenMs)
    this.due.set(agentId, status)
    this.timer ??= setTimeout(() => this.write(), GATHER_MS)
  }

  /** What was taken long ago says nothing about the next one. */
  private forgetSilent(nowMs: number): void {
    for (const [agentId, takenMs] of this.takenMs) if (nowMs - takenMs >= STATUS_MS) this.takenMs.delete(agentId)
  }

  private write(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.due.size === 0) return
    const statuses = this.due
    this.due = new Map()
    this.forgetSilent(Math.max(...[...statuses.values()].map(({ lastSeenMs }) => lastSeenMs)))
    this.writing = this.writing.then(() => this.options.agents.seen(statuses)).catch(this.options.onError)
  }
}
