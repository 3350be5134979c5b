/** Coverage and health: what Seamark could not see, so that silence is not taken for peace. */
import type { DashboardContent } from '../dashboard.ts'
import { count, countPerMinute, distinct, latest, sum } from '../lens-columns.ts'
import { list, markdown, number, table, timeline } from '../panels.ts'

export const health: DashboardContent = {
  id: 'seamark-health',
  title: 'Seamark: coverage and health',
  description: 'Lost events, gaps, blind sources, and hosts that fell silent.',
  controls: [
    { view: 'event', field: 'host.name', title: 'Host' },
    { view: 'event', field: 'seamark.health.kind', title: 'What' },
  ],
  rows: [
    {
      height: 6,
      panels: [
        number({
          view: 'event',
          title: 'Events lost',
          value: sum('Events lost', 'seamark.health.count', 'seamark.health.kind: *.drop'),
        }),
        number({ view: 'event', title: 'Gaps', value: count('Gaps', 'seamark.health.kind: *.gap') }),
        number({
          view: 'event',
          title: 'Hosts with a blind source',
          value: distinct('Hosts with a blind source', 'host.name', 'seamark.health.kind: *.blind'),
        }),
        number({
          view: 'alert',
          title: 'Open alerts about sight',
          value: count('Open alerts about sight', 'seamark.alert.status: open and rule.name: health.*'),
        }),
      ],
    },
    {
      height: 12,
      panels: [
        timeline({
          view: 'event',
          title: 'Events lost by host',
          kql: 'seamark.health.kind: *.drop',
          value: sum('Events lost', 'seamark.health.count'),
          by: { label: 'Host', field: 'host.name', size: 10 },
        }),
        timeline({
          view: 'event',
          title: 'Events a minute by host',
          value: countPerMinute('Events a minute'),
          by: { label: 'Host', field: 'host.name', size: 10 },
        }),
      ],
    },
    {
      height: 14,
      panels: [
        table({
          view: 'event',
          title: 'Hosts, and when each was last seen',
          groups: [{ label: 'Host', field: 'host.name', size: 200 }],
          values: [latest('Last event'), count('Events'), distinct('Sources', 'event.dataset')],
        }),
        table({
          view: 'event',
          title: 'Drops, gaps and blind sources',
          kql: 'event.dataset: seamark.health',
          groups: [
            { label: 'Host', field: 'host.name', size: 50 },
            { label: 'What', field: 'seamark.health.kind', size: 20 },
          ],
          values: [count('Times'), sum('Events or seconds', 'seamark.health.count'), latest('Last time')],
        }),
      ],
    },
    { height: 16, panels: [list('In words', 'seamark-list-health')] },
    {
      height: 5,
      panels: [
        markdown(
          'Clocks',
          "How far a host's clock is off is in no document: `seamark agents list` tells it, and the metric" +
            ' `seamark_ingest_clock_skew_seconds` of `seamark ingest` has it for each host.',
        ),
      ],
    },
  ],
}
