/** What is going on: the first page of whoever is on call. */
import type { DashboardContent } from '../dashboard.ts'
import { count, countPerMinute, distinct, sum } from '../lens-columns.ts'
import { bars, number, table, timeline } from '../panels.ts'

export const overview: DashboardContent = {
  id: 'seamark-overview',
  title: 'Seamark: overview',
  description: 'Alerts by priority, where they come from, how much is seen, and what could not be seen.',
  controls: [
    { view: 'event', field: 'host.name', title: 'Host' },
    { view: 'event', field: 'container.name', title: 'Container' },
  ],
  rows: [
    {
      height: 6,
      panels: [
        number({ view: 'alert', title: 'Open alerts', value: count('Open alerts', 'seamark.alert.status: open') }),
        number({
          view: 'alert',
          title: 'Open, error or worse',
          value: count(
            'Open, error or worse',
            'seamark.alert.status: open and log.level: (emergency or alert or critical or error)',
          ),
        }),
        number({ view: 'event', title: 'Hosts seen', value: distinct('Hosts seen', 'host.name') }),
        number({ view: 'event', title: 'Containers seen', value: distinct('Containers seen', 'container.id') }),
        number({
          view: 'event',
          title: 'Events lost',
          value: sum('Events lost', 'seamark.health.count', 'seamark.health.kind: *.drop'),
        }),
      ],
    },
    {
      height: 12,
      panels: [
        timeline({
          view: 'alert',
          title: 'Alerts by priority',
          value: count('Alerts'),
          by: { label: 'Priority', field: 'log.level' },
        }),
        timeline({
          view: 'event',
          title: 'Events a minute by category',
          value: countPerMinute('Events a minute'),
          by: { label: 'Category', field: 'event.category' },
        }),
      ],
    },
    {
      height: 14,
      panels: [
        bars({
          view: 'alert',
          title: 'Rules that fired most',
          label: 'Rule',
          field: 'rule.name',
          value: count('Alerts'),
        }),
        bars({
          view: 'alert',
          title: 'Containers with most alerts',
          label: 'Container',
          field: 'container.name',
          value: count('Alerts'),
        }),
      ],
    },
    {
      height: 12,
      panels: [
        table({
          view: 'event',
          title: 'What could not be seen',
          kql: 'seamark.health.kind: (*.drop or *.gap or *.blind)',
          groups: [
            { label: 'Host', field: 'host.name' },
            { label: 'What', field: 'seamark.health.kind' },
          ],
          values: [count('Times'), sum('Events or seconds', 'seamark.health.count')],
        }),
      ],
    },
  ],
}
