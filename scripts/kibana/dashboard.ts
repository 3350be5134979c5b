/** Makes a dashboard of rows of panels, with links to all others above them. */
import type { Static } from 'typebox'
import { VIEW_IDS, type ViewKind } from './data-views.ts'
import type { PanelSchema } from './lens-schemas.ts'
import { markdown, type PanelContent } from './panels.ts'
import type { DashboardSchema } from './saved-object-schemas.ts'

export type Dashboard = Static<typeof DashboardSchema>
type Panel = Static<typeof PanelSchema>
type Reference = Dashboard['references'][number]

/** Panels side by side: equally wide, unless a width is given (of 48). */
export interface Row {
  /** In rows of the grid, 20 pixels each. */
  height: number
  panels: readonly (PanelContent & { width?: number })[]
}

export interface DashboardContent {
  id: string
  title: string
  description: string
  /** Lists of values above the panels, to choose from. */
  controls: readonly { view: ViewKind; field: string; title: string }[]
  rows: readonly Row[]
}

const GRID_COLUMNS = 48
const LINKS_HEIGHT = 4

export function dashboard(content: DashboardContent, all: readonly DashboardContent[]): Dashboard {
  const links: Row = { height: LINKS_HEIGHT, panels: [markdown('Dashboards', linksOf(content, all))] }
  const { panels, references } = place([links, ...content.rows])
  const controls = content.controls.map(({ view, field, title }, order) => {
    const id = `control-${field.replaceAll(/[._]/g, '-')}`
    references.push({ type: 'index-pattern', id: VIEW_IDS[view], name: `controlGroup_${id}:optionsListDataView` })
    return {
      type: 'optionsListControl' as const,
      order,
      grow: true,
      width: 'medium' as const,
      explicitInput: { id, fieldName: field, title, selectedOptions: [], enhancements: {} },
    }
  })
  return {
    type: 'dashboard',
    id: content.id,
    managed: false,
    coreMigrationVersion: '8.8.0',
    typeMigrationVersion: '8.9.0',
    attributes: {
      title: content.title,
      description: content.description,
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }),
      },
      optionsJSON: JSON.stringify({
        useMargins: true,
        syncColors: true,
        syncCursor: true,
        syncTooltips: false,
        hidePanelTitles: false,
      }),
      panelsJSON: JSON.stringify(panels),
      controlGroupInput: {
        chainingSystem: 'HIERARCHICAL',
        controlStyle: 'oneLine',
        ignoreParentSettingsJSON: JSON.stringify({
          ignoreFilters: false,
          ignoreQuery: false,
          ignoreTimerange: false,
          ignoreValidations: false,
        }),
        panelsJSON: JSON.stringify(Object.fromEntries(controls.map((one) => [one.explicitInput.id, one]))),
      },
      refreshInterval: { pause: false, value: 60_000 },
      timeRestore: true,
      timeFrom: 'now-24h',
      timeTo: 'now',
      version: 1,
    },
    references,
  }
}

/** Within Kibana's dashboards these addresses work in every space. */
function linksOf(here: DashboardContent, all: readonly DashboardContent[]): string {
  return all
    .map(({ id, title }) => {
      const name = title.replace(/^Seamark: /, '')
      return id === here.id ? `**${name}**` : `[${name}](#/view/${id})`
    })
    .join(' · ')
}

function place(rows: readonly Row[]): { panels: Panel[]; references: Reference[] } {
  const panels: Panel[] = []
  const references: Reference[] = []
  let y = 0
  for (const { height, panels: contents } of rows) {
    const free = GRID_COLUMNS - contents.reduce((used, { width = 0 }) => used + width, 0)
    const equal = Math.floor(free / contents.filter(({ width }) => width === undefined).length)
    let x = 0
    for (const [index, content] of contents.entries()) {
      // The last one takes what the division leaves.
      const w = index === contents.length - 1 ? GRID_COLUMNS - x : (content.width ?? equal)
      const panelIndex = `panel-${panels.length + 1}`
      const common = { version: '8.9.0' as const, panelIndex, title: content.title }
      const gridData = { x, y, w, h: height, i: panelIndex }
      if (content.type === 'lens') {
        const { attributes } = content
        panels.push({ ...common, type: 'lens', gridData, embeddableConfig: { attributes, enhancements: {} } })
        for (const one of attributes.references) references.push({ ...one, name: `${panelIndex}:${one.name}` })
      } else if (content.type === 'search') {
        const panelRefName = `panel_${panelIndex}`
        panels.push({ ...common, type: 'search', gridData, panelRefName, embeddableConfig: { enhancements: {} } })
        references.push({ type: 'search', id: content.search, name: `${panelIndex}:${panelRefName}` })
      } else {
        const { savedVis } = content
        const embeddableConfig = { hidePanelTitles: true as const, enhancements: {}, savedVis }
        panels.push({ ...common, type: 'visualization', gridData, embeddableConfig })
      }
      x += w
    }
    y += height
  }
  return { panels, references }
}
