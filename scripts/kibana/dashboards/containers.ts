/** What runs, what it does, and which of it raises alerts. */
import type { DashboardContent } from '../dashboard.ts'
import { count, countPerMinute, distinct, latest } from '../lens-columns.ts'
import { bars, list, table, timeline } from '../panels.ts'

const IN_CONTAINER = 'container.id: *'

export const containers: DashboardContent = {
  id: 'seamark-containers',
  title: 'Seamark: containers',
  description: 'Containers by what they do, what was started in them, and what Docker did.',
  controls: [
    { view: 'event', field: 'container.name', title: 'Container' },
    { view: 'event', field: 'container.image.name', title: 'Image' },
    { view: 'event', field: 'host.name', title: 'Host' },
  ],
  rows: [
    {
      height: 12,
      panels: [
        timeline({
          view: 'event',
          title: 'Events a minute by container',
          kql: IN_CONTAINER,
          value: countPerMinute('Events a minute'),
          by: { label: 'Container', field: 'container.name', size: 10 },
        }),
        timeline({
          view: 'alert',
          title: 'Alerts by container',
          kql: IN_CONTAINER,
          value: count('Alerts'),
          by: { label: 'Container', field: 'container.name', size: 10 },
        }),
      ],
    },
    {
      height: 16,
      panels: [
        table({
          view: 'event',
          title: 'Containers',
          kql: IN_CONTAINER,
          groups: [
            { label: 'Container', field: 'container.name', size: 50 },
            { label: 'Image', field: 'container.image.name', size: 3, keepMissing: true },
            { label: 'Host', field: 'host.name', size: 5 },
          ],
          values: [count('Events'), distinct('Programs', 'process.executable'), latest('Last seen')],
        }),
        table({
          view: 'event',
          title: 'Programs started',
          kql: `${IN_CONTAINER} and event.category: process and event.action: (execve or execveat)`,
          groups: [
            { label: 'Container', field: 'container.name', size: 20 },
            { label: 'Program', field: 'process.executable', size: 10 },
          ],
          values: [count('Starts'), latest('Last start')],
        }),
      ],
    },
    {
      height: 14,
      panels: [
        table({
          view: 'event',
          title: 'Privileged containers',
          kql: 'container.security_context.privileged: true',
          groups: [
            { label: 'Container', field: 'container.name', size: 20 },
            { label: 'Image', field: 'container.image.name', size: 3, keepMissing: true },
            { label: 'Host', field: 'host.name', size: 5 },
          ],
          values: [count('Events'), latest('Last seen')],
        }),
        bars({
          view: 'event',
          title: 'Programs that did not come with the image',
          kql: `${IN_CONTAINER} and process.is_exe_upper_layer: true`,
          label: 'Program',
          field: 'process.executable',
          value: count('Events'),
        }),
      ],
    },
    { height: 16, panels: [list('What Docker did', 'seamark-list-docker')] },
  ],
}
