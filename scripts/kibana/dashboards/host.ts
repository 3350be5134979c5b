/** One host: choose it above. */
import type { DashboardContent } from '../dashboard.ts'
import { count, countPerMinute, distinct, latest, sum } from '../lens-columns.ts'
import { list, number, table, timeline } from '../panels.ts'

export const host: DashboardContent = {
  id: 'seamark-host',
  title: 'Seamark: one host',
  description: 'Choose a host: its alerts, its users and programs, what it did and what could not be seen of it.',
  controls: [{ view: 'event', field: 'host.name', title: 'Host' }],
  rows: [
    {
      height: 6,
      panels: [
        number({ view: 'alert', title: 'Open alerts', value: count('Open alerts', 'seamark.alert.status: open') }),
        number({ view: 'event', title: 'Containers', value: distinct('Containers', 'container.id') }),
        number({ view: 'event', title: 'Users', value: distinct('Users', 'user.id') }),
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
          title: 'Alerts by rule',
          value: count('Alerts'),
          by: { label: 'Rule', field: 'rule.name' },
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
      height: 16,
      panels: [
        table({
          view: 'event',
          title: 'Programs by user',
          kql: 'event.action: (execve or execveat)',
          groups: [
            { label: 'User', field: 'user.name', size: 10, keepMissing: true },
            { label: 'Program', field: 'process.executable', size: 10 },
          ],
          values: [count('Starts'), latest('Last start')],
        }),
        table({
          view: 'event',
          title: 'Commands typed at a terminal',
          kql: 'event.action: (execve or execveat) and process.interactive: true',
          groups: [
            { label: 'User', field: 'user.name', size: 10, keepMissing: true },
            { label: 'Command line', field: 'process.command_line', size: 20 },
          ],
          values: [count('Starts'), latest('Last start')],
        }),
      ],
    },
    { height: 18, panels: [list('Events, newest first', 'seamark-list-events')] },
  ],
}
