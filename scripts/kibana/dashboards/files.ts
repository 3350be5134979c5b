/** File integrity: what was written, renamed, removed, and whose rights changed. */
import type { DashboardContent } from '../dashboard.ts'
import { count, latest } from '../lens-columns.ts'
import { bars, table, timeline } from '../panels.ts'

const WRITES =
  'event.outcome: success and (event.action: creat' +
  ' or (event.action: (open or openat or openat2 or open_by_handle_at) and event.type: change))'
const MOVES =
  'event.outcome: success and event.action: (rename or renameat or renameat2 or link or linkat or symlink or symlinkat)'
const RIGHTS =
  'event.outcome: success and event.action: (chmod or fchmod or fchmodat or fchmodat2 or chown or fchown or lchown or fchownat)'
const REMOVALS = 'event.outcome: success and event.action: (unlink or unlinkat or rmdir)'

const CONTAINER = { label: 'Container', field: 'container.name', size: 10, keepMissing: true }
const PATH = { label: 'Path', field: 'file.path', size: 20 }
const PROGRAM = { label: 'Program', field: 'process.executable', size: 3 }

export const files: DashboardContent = {
  id: 'seamark-file-integrity',
  title: 'Seamark: file integrity',
  description: 'Files opened for writing, moved, removed, and changed in owner or mode, by path.',
  controls: [
    { view: 'event', field: 'container.name', title: 'Container' },
    { view: 'event', field: 'host.name', title: 'Host' },
    { view: 'event', field: 'file.directory', title: 'Directory' },
  ],
  rows: [
    {
      height: 12,
      panels: [
        timeline({
          view: 'event',
          title: 'Changes by call',
          kql: `(${WRITES}) or (${MOVES}) or (${RIGHTS}) or (${REMOVALS})`,
          value: count('Changes'),
          by: { label: 'Call', field: 'event.action', size: 10 },
        }),
        bars({
          view: 'event',
          title: 'Directories written to most',
          kql: WRITES,
          label: 'Directory',
          field: 'file.directory',
          value: count('Writes'),
        }),
      ],
    },
    {
      height: 16,
      panels: [
        table({
          view: 'event',
          title: 'Opened for writing',
          kql: WRITES,
          groups: [CONTAINER, PATH, PROGRAM],
          values: [count('Times'), latest('Last time')],
        }),
        table({
          view: 'event',
          title: 'Renamed or linked',
          kql: MOVES,
          groups: [CONTAINER, PATH, { label: 'To', field: 'file.target_path', size: 5 }],
          values: [count('Times'), latest('Last time')],
        }),
      ],
    },
    {
      height: 16,
      panels: [
        table({
          view: 'event',
          title: 'Mode or owner changed',
          kql: RIGHTS,
          groups: [CONTAINER, PATH, { label: 'Mode', field: 'file.mode', size: 5, keepMissing: true }],
          values: [count('Times'), latest('Last time')],
        }),
        table({
          view: 'event',
          title: 'Removed',
          kql: REMOVALS,
          groups: [CONTAINER, PATH, PROGRAM],
          values: [count('Times'), latest('Last time')],
        }),
      ],
    },
  ],
}
