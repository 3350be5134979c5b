/**
 * The alerts there are, in Documents: each under its id, and for each group the one that takes its next detection. A
 * detection is counted once, however often and late it comes again; everything a delivery changes is one commit.
 */
import type { Alert, Detection } from '../core/model/detection.ts'
import type { Documents, Versioned } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import { backoffMs } from '../core/runtime/backoff.ts'
import { systemClock } from '../core/runtime/clock.ts'
import { CountedDetections } from './counted-detections.ts'
import { digest } from './digest.ts'
import { Drafts } from './drafts.ts'

/** Space of `StoredAlert`s, each under its alert's id. */
export const ALERTS = 'alerts'
/** Digest of rule and group key → id of its alert. */
const GROUPS = 'alert-groups'
/** A quiet alert this old is left alone, and the next detection opens a new one. */
const GROUP_WINDOW_MS = 10 * 60_000
/** Ids an alert names. */
const MAX_LISTED = 100
const MAX_ATTEMPTS = 20
/** Of several who count at the same time one commits; the others must not all begin again together. */
const CONFLICT_BACKOFF = { firstMs: 2, maxMs: 200 }
/** Alerts looked at in one go of pruning. */
const MAX_PRUNED = 500

export interface StoredAlert {
  alert: Alert
  /** By our own clock, which no event can set: when it last changed. */
  touchedMs: number
}

interface Grouped {
  detection: Detection
  group: string
}

/** What became of one detection. */
export interface Counted {
  detection: Detection
  alertId: string
  /** As it is after the whole delivery; null where it has been pruned since the detection was first counted. */
  alert: Alert | null
  outcome: 'opened' | 'extended' | 'repeated'
}

export class AlertState {
  private readonly documents: Documents
  private readonly counted: CountedDetections
  private readonly nowMs: () => number
  /** Where pruning goes on. */
  private prunedTo = ''

  constructor(documents: Documents, nowMs: () => number, slotCount?: number) {
    this.documents = documents
    this.counted = new CountedDetections(documents, slotCount)
    this.nowMs = nowMs
  }

  /** In the order given; one call at a time. Throws AppError E_DEADLINE (retryable) when others change the same alerts all the time. */
  async count(detections: readonly Detection[]): Promise<Counted[]> {
    const grouped = detections.map((detection) => ({ detection, group: groupOf(detection) }))
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const drafts = new Drafts(this.documents)
      await this.counted.begin(drafts)
      await this.readAhead(drafts, grouped)
      const taken: Pick<Counted, 'detection' | 'alertId' | 'outcome'>[] = []
      for (const one of grouped) taken.push({ detection: one.detection, ...(await this.take(drafts, one)) })
      const counted: Counted[] = []
      for (const one of taken) {
        const stored = await drafts.get<StoredAlert>(ALERTS, one.alertId)
        counted.push({ ...one, alert: stored?.alert ?? null })
      }
      await this.counted.stage(drafts)
      if (await drafts.commit()) {
        this.counted.settle()
        return counted
      }
      await systemClock.sleep(backoffMs(attempt + 1, CONFLICT_BACKOFF))
    }
    throw new AppError('E_DEADLINE', 'Alerts changed under every attempt to update them', { retryable: true })
  }

  /** Removes alerts that nothing touched since `beforeMs`, a bounded number at a time; how many. */
  async prune(beforeMs: number): Promise<number> {
    const page = await this.documents.scan(ALERTS, this.prunedTo, MAX_PRUNED)
    this.prunedTo = page.length < MAX_PRUNED ? '' : page.at(-1)!.key
    const drafts = new Drafts(this.documents)
    let removed = 0
    for (const { key, value } of page) {
      if (!isOlder(value, beforeMs)) continue
      // Read again: it may have been touched since the scan.
      const stored = await drafts.get<Partial<StoredAlert>>(ALERTS, key)
      if (stored === undefined || !isOlder(stored, beforeMs)) continue
      await drafts.set(ALERTS, key, undefined)
      removed += 1
      if (stored.alert === undefined) continue
      const group = digest(stored.alert.rule, ...stored.alert.key)
      if ((await drafts.get<string>(GROUPS, group)) === key) await drafts.set(GROUPS, group, undefined)
    }
    // Someone else was first: what is left is found in the next round.
    return (await drafts.commit()) ? removed : 0
  }

  /** In three steps what taking one detection after the other would read in hundreds. */
  private async readAhead(drafts: Drafts, detections: readonly Grouped[]): Promise<void> {
    const alerts: (string | undefined)[] = []
    const firsts = new Map<string, Detection>()
    for (const { detection, group } of detections) {
      const known = this.counted.find(detection.id)
      if (known !== undefined) alerts.push(known)
      else if (!firsts.has(group)) firsts.set(group, detection)
    }
    await drafts.read([...firsts.keys()].map((key) => ({ space: GROUPS, key })))
    const current = new Map<string, string | undefined>()
    for (const group of firsts.keys()) current.set(group, await drafts.get<string>(GROUPS, group))
    alerts.push(...current.values())
    await drafts.read(alerts.filter((id) => id !== undefined).map((key) => ({ space: ALERTS, key })))
    const opened: string[] = []
    for (const [group, first] of firsts) {
      const id = current.get(group)
      const stored = id === undefined ? undefined : await drafts.get<StoredAlert>(ALERTS, id)
      if (stored === undefined || !isWithin(stored.alert, first)) opened.push(alertId(first))
    }
    await drafts.read(opened.map((key) => ({ space: ALERTS, key })))
  }

  private async take(drafts: Drafts, { detection, group }: Grouped): Promise<Pick<Counted, 'alertId' | 'outcome'>> {
    const known = this.counted.find(detection.id)
    if (known !== undefined) return { alertId: known, outcome: 'repeated' }
    const currentId = await drafts.get<string>(GROUPS, group)
    const current = currentId === undefined ? undefined : await drafts.get<StoredAlert>(ALERTS, currentId)
    if (current !== undefined && isWithin(current.alert, detection)) {
      await this.store(drafts, extend(current.alert, detection), detection)
      return { alertId: current.alert.id, outcome: 'extended' }
    }
    const opened = open(detection)
    // Its id follows from its first detection: where it is, that one was counted.
    if ((await drafts.get(ALERTS, opened.id)) !== undefined) return { alertId: opened.id, outcome: 'repeated' }
    await this.store(drafts, opened, detection)
    await drafts.set(GROUPS, group, opened.id)
    return { alertId: opened.id, outcome: 'opened' }
  }

  private async store(drafts: Drafts, alert: Alert, detection: Detection): Promise<void> {
    await drafts.set(ALERTS, alert.id, { alert, touchedMs: this.nowMs() } satisfies StoredAlert)
    this.counted.note(detection.id, alert.id)
  }
}

/** What is not in our form is of an earlier version, and as old as can be. */
function isOlder(value: Versioned['value'], beforeMs: number): boolean {
  return ((value as Partial<StoredAlert>).touchedMs ?? 0) < beforeMs
}

/** What alerts are grouped by: the rule's own key, else the container, else the host. */
function groupKey(detection: Detection): string[] {
  if (detection.key.length > 0) return detection.key
  const container = detection.event.container as { id?: string } | undefined
  return [detection.hostname, container?.id ?? '']
}

function groupOf(detection: Detection): string {
  return digest(detection.rule, ...groupKey(detection))
}

/** Of the alert that a detection opens. */
function alertId(detection: Detection): string {
  return digest(detection.rule, ...groupKey(detection), detection.id)
}

function isWithin(alert: Alert, detection: Detection): boolean {
  return alert.status !== 'closed' && Math.abs(detection.timeMs - alert.lastMs) <= GROUP_WINDOW_MS
}

function open(detection: Detection): Alert {
  return {
    id: alertId(detection),
    rule: detection.rule,
    priority: detection.priority,
    key: groupKey(detection),
    latest: detection,
    detections: [detection.id],
    count: 1,
    firstMs: detection.timeMs,
    lastMs: detection.timeMs,
    day: detection.day,
    part: detection.part,
    status: 'open',
    version: 1,
  }
}

function extend(alert: Alert, detection: Detection): Alert {
  const isLatest = detection.timeMs >= alert.latest.timeMs
  return {
    ...alert,
    latest: isLatest ? detection : alert.latest,
    detections: [...alert.detections, detection.id].slice(-MAX_LISTED),
    count: alert.count + 1,
    firstMs: Math.min(alert.firstMs, detection.timeMs),
    lastMs: Math.max(alert.lastMs, detection.timeMs),
    version: alert.version + 1,
  }
}
