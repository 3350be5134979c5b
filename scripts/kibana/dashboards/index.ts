/** Every dashboard, in the order of the links. */
import type { DashboardContent } from '../dashboard.ts'
import { alerts } from './alerts.ts'
import { containers } from './containers.ts'
import { files } from './files.ts'
import { health } from './health.ts'
import { host } from './host.ts'
import { network } from './network.ts'
import { overview } from './overview.ts'

export const DASHBOARDS: readonly DashboardContent[] = [overview, alerts, containers, host, network, files, health]
