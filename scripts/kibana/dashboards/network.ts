/** Who talks to whom, and who listens. */
import type { DashboardContent } from '../dashboard.ts'
import { count, distinct, latest } from '../lens-columns.ts'
import { bars, table, timeline } from '../panels.ts'

const CONNECTS = 'event.action: connect and destination.ip: *'

export const network: DashboardContent = {
  id: 'seamark-network',
  title: 'Seamark: network',
  description: 'Destinations by container, new listeners, and connections that failed.',
  controls: [
    { view: 'event', field: 'container.name', title: 'Container' },
    { view: 'event', field: 'host.name', title: 'Host' },
    { view: 'event', field: 'destination.address', title: 'Destination' },
  ],
  rows: [
    {
      height: 12,
      panels: [
        timeline({
          view: 'event',
          title: 'Outgoing connections by container',
          kql: CONNECTS,
          value: count('Connections'),
          by: { label: 'Container', field: 'container.name', size: 10 },
        }),
        bars({
          view: 'event',
          title: 'Containers with most destinations',
          kql: CONNECTS,
          label: 'Container',
          field: 'container.name',
          value: distinct('Destinations', 'destination.ip'),
        }),
      ],
    },
    {
      height: 18,
      panels: [
        table({
          view: 'event',
          title: 'Destinations by container',
          kql: CONNECTS,
          groups: [
            { label: 'Container', field: 'container.name', size: 20, keepMissing: true },
            { label: 'Destination', field: 'destination.address', size: 20 },
            { label: 'Port', field: 'destination.port', size: 5, dataType: 'number' },
          ],
          values: [count('Connections'), latest('Last seen')],
        }),
        table({
          view: 'event',
          title: 'Outside of private networks',
          kql:
            `${CONNECTS} and not destination.ip: ("10.0.0.0/8" or "172.16.0.0/12" or "192.168.0.0/16"` +
            ' or "127.0.0.0/8" or "169.254.0.0/16" or "::1/128" or "fc00::/7" or "fe80::/10")',
          groups: [
            { label: 'Program', field: 'process.executable', size: 20 },
            { label: 'Destination', field: 'destination.address', size: 20 },
            { label: 'Port', field: 'destination.port', size: 5, dataType: 'number' },
          ],
          values: [count('Connections'), latest('Last seen')],
        }),
      ],
    },
    {
      height: 16,
      panels: [
        table({
          view: 'event',
          title: 'Listeners',
          kql: 'event.action: (listen or bind) and event.outcome: success and destination.port > 0',
          groups: [
            { label: 'Container', field: 'container.name', size: 20, keepMissing: true },
            { label: 'Program', field: 'process.executable', size: 10 },
            { label: 'Address', field: 'destination.address', size: 5 },
            { label: 'Port', field: 'destination.port', size: 10, dataType: 'number' },
          ],
          values: [latest('Last started'), count('Times')],
        }),
        table({
          view: 'event',
          title: 'Connections that failed',
          kql: `${CONNECTS} and event.outcome: failure and not seamark.error: EINPROGRESS`,
          groups: [
            { label: 'Container', field: 'container.name', size: 20, keepMissing: true },
            { label: 'Destination', field: 'destination.address', size: 10 },
            { label: 'Error', field: 'seamark.error', size: 3 },
          ],
          values: [count('Attempts'), latest('Last seen')],
        }),
      ],
    },
  ],
}
