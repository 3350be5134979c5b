/** Panels without their place: the charts, tables and lists that the dashboards are made of. */
import type { Static } from 'typebox'
import { VIEW_IDS, type ViewKind } from './data-views.ts'
import { type Column, overTime, type TopOptions, top } from './lens-columns.ts'
import type { LensSchema, MarkdownPanelSchema } from './lens-schemas.ts'
import type { SearchId } from './searches.ts'

type Lens = Static<typeof LensSchema>

export type PanelContent =
  | { type: 'lens'; title: string; attributes: Lens }
  | { type: 'search'; title: string; search: SearchId }
  | { type: 'visualization'; title: string; savedVis: Markdown }

type Markdown = Static<typeof MarkdownPanelSchema>['embeddableConfig']['savedVis']

interface ChartOptions {
  view: ViewKind
  title: string
  /** Which documents; all of the view's without it. */
  kql?: string
}

const LAYER = 'layer'
/** The id of what is counted; the first where there are several. */
const VALUE = 'value'

/** One number. */
export function number(options: ChartOptions & { value: Column }): PanelContent {
  const chart = { layerId: LAYER, layerType: 'data' as const, metricAccessor: VALUE }
  return lens(options, { [VALUE]: options.value }, { visualizationType: 'lnsMetric', visualization: chart })
}

/** Bars over time, one colour for each of the most frequent values of `by`. */
export function timeline(
  options: ChartOptions & { value: Column; by?: { label: string; field: string; size?: number } },
): PanelContent {
  const { by, value } = options
  const split = by === undefined ? {} : { split: top(by.label, by.field, VALUE, { size: by.size ?? 8 }) }
  // The split first, so that the most frequent values are those of the whole time, not of each bar.
  return lens(options, { ...split, time: overTime(), [VALUE]: value }, xy('bar_stacked', 'time', by && 'split'))
}

/** The most frequent values as horizontal bars. */
export function bars(options: ChartOptions & { label: string; field: string; value: Column; size?: number }) {
  const { label, field, value, size = 10 } = options
  return lens(options, { group: top(label, field, VALUE, { size }), [VALUE]: value }, xy('bar_horizontal', 'group'))
}

function xy(seriesType: 'bar_stacked' | 'bar_horizontal', xAccessor: string, splitAccessor?: string) {
  return {
    visualizationType: 'lnsXY' as const,
    visualization: {
      preferredSeriesType: seriesType,
      legend: { isVisible: splitAccessor !== undefined, position: 'right' as const },
      valueLabels: 'hide' as const,
      fittingFunction: 'None' as const,
      layers: [
        {
          layerId: LAYER,
          layerType: 'data' as const,
          seriesType,
          accessors: [VALUE],
          xAccessor,
          ...(splitAccessor === undefined ? {} : { splitAccessor }),
        },
      ] as [
        { layerId: string; layerType: 'data'; seriesType: typeof seriesType; accessors: string[]; xAccessor: string },
      ],
    },
  }
}

export interface Group extends TopOptions {
  label: string
  field: string
}

/** A table: a row for each combination of the groups' values, sorted by the first of the values. */
export function table(options: ChartOptions & { groups: readonly Group[]; values: readonly Column[] }): PanelContent {
  const columns: Record<string, Column> = {}
  options.groups.forEach(({ label, field, ...rest }, index) => {
    columns[`group-${index + 1}`] = top(label, field, VALUE, rest)
  })
  options.values.forEach((value, index) => {
    columns[index === 0 ? VALUE : `${VALUE}-${index + 1}`] = value
  })
  const visualization = {
    layerId: LAYER,
    layerType: 'data' as const,
    columns: Object.keys(columns).map((columnId) => ({ columnId })),
    paging: { enabled: true as const, size: 10 },
    sorting: { columnId: VALUE, direction: 'desc' as const },
  }
  return lens(options, columns, { visualizationType: 'lnsDatatable', visualization })
}

type Chart = {
  [T in Lens as T['visualizationType']]: Pick<T, 'visualizationType'> & { visualization: T['state']['visualization'] }
}

function lens(options: ChartOptions, columns: Record<string, Column>, chart: Chart[keyof Chart]): PanelContent {
  const { title, view, kql = '' } = options
  const layer = { columnOrder: Object.keys(columns), columns, incompleteColumns: {}, sampling: 1 as const }
  const attributes = {
    title,
    type: 'lens',
    visualizationType: chart.visualizationType,
    references: [{ type: 'index-pattern', id: VIEW_IDS[view], name: `indexpattern-datasource-layer-${LAYER}` }],
    state: {
      visualization: chart.visualization,
      query: { query: kql, language: 'kuery' },
      filters: [],
      datasourceStates: { formBased: { layers: { [LAYER]: layer } } },
      internalReferences: [],
      adHocDataViews: {},
    },
  } as Lens
  return { type: 'lens', title, attributes }
}

/** The documents themselves, newest first. */
export function list(title: string, search: SearchId): PanelContent {
  return { type: 'search', title, search }
}

export function markdown(title: string, text: string): PanelContent {
  return {
    type: 'visualization',
    title,
    savedVis: {
      title: '',
      description: '',
      type: 'markdown',
      uiState: {},
      params: { markdown: text, fontSize: 12, openLinksInNewTab: false },
      data: { aggs: [], searchSource: { query: { query: '', language: 'kuery' }, filter: [] } },
    },
  }
}
