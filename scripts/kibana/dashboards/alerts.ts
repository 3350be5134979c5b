/** Alerts, one by one. */
import type { DashboardContent } from '../dashboard.ts'
import { count, latest, sum } from '../lens-columns.ts'
import { list, number, table, timeline } from '../panels.ts'

export const alerts: DashboardContent = {
  id: 'seamark-alerts-by-rule',
  title: 'Seamark: alerts',
  description: 'Every alert with its rule, priority, container, user, command line and how often it came.',
  controls: [
    { view: 'alert', field: 'log.level', title: 'Priority' },
    { view: 'alert', field: 'rule.name', title: 'Rule' },
    { view: 'alert', field: 'seamark.alert.status', title: 'Status' },
    { view: 'alert', field: 'container.name', title: 'Container' },
  ],
  rows: [
    {
      height: 12,
      panels: [
        { ...number({ view: 'alert', title: 'Alerts', value: count('Alerts') }), width: 8 },
        {
          ...number({ view: 'alert', title: 'Detections in them', value: sum('Detections', 'seamark.alert.count') }),
          width: 8,
        },
        timeline({
          view: 'detection',
          title: 'Detections by rule',
          value: count('Detections'),
          by: { label: 'Rule', field: 'rule.name' },
        }),
      ],
    },
    { height: 20, panels: [list('Alerts, newest first', 'seamark-list-alerts')] },
    {
      height: 16,
      panels: [
        table({
          view: 'alert',
          title: 'By rule and container',
          groups: [
            { label: 'Rule', field: 'rule.name', size: 20 },
            { label: 'Priority', field: 'log.level', size: 3 },
            { label: 'Container', field: 'container.name', size: 10, keepMissing: true },
          ],
          values: [
            sum('Detections', 'seamark.alert.count'),
            count('Alerts'),
            latest('Last seen', 'seamark.alert.last'),
          ],
        }),
        table({
          view: 'alert',
          title: 'By user and command line',
          groups: [
            { label: 'User', field: 'user.name', size: 10, keepMissing: true },
            { label: 'Command line', field: 'process.command_line', size: 20 },
          ],
          values: [sum('Detections', 'seamark.alert.count'), latest('Last seen', 'seamark.alert.last')],
        }),
      ],
    },
  ],
}
