/** The panels of a dashboard (`panelsJSON`), strictly: Lens by value, saved searches, and Markdown for the links. */
import Type from 'typebox'
import { QuerySchema, ReferenceSchema } from './saved-object-schemas.ts'

const strict = { additionalProperties: false } as const
const Text = Type.String({ minLength: 1 })
const Empty = Type.Object({}, strict)
const NoItems = Type.Array(Type.Unknown(), { maxItems: 0 })

const named = { label: Text, customLabel: Type.Literal(true), sourceField: Text }
const metric = { ...named, isBucketed: Type.Literal(false), filter: Type.Optional(QuerySchema) }

const CountSchema = Type.Object(
  {
    ...metric,
    operationType: Type.Literal('count'),
    sourceField: Type.Literal('___records___'),
    dataType: Type.Literal('number'),
    scale: Type.Literal('ratio'),
    timeScale: Type.Optional(Type.Literal('m')),
    params: Type.Object({ emptyAsNull: Type.Boolean() }, strict),
  },
  strict,
)

const NumberSchema = Type.Object(
  {
    ...metric,
    operationType: Type.Union([Type.Literal('sum'), Type.Literal('unique_count')]),
    dataType: Type.Literal('number'),
    scale: Type.Literal('ratio'),
    params: Type.Object({ emptyAsNull: Type.Boolean() }, strict),
  },
  strict,
)

const LatestSchema = Type.Object(
  {
    ...metric,
    operationType: Type.Literal('max'),
    dataType: Type.Literal('date'),
    scale: Type.Literal('ratio'),
    params: Type.Object({ emptyAsNull: Type.Boolean() }, strict),
  },
  strict,
)

const TimeSchema = Type.Object(
  {
    ...named,
    operationType: Type.Literal('date_histogram'),
    dataType: Type.Literal('date'),
    isBucketed: Type.Literal(true),
    scale: Type.Literal('interval'),
    params: Type.Object(
      { interval: Type.Literal('auto'), includeEmptyRows: Type.Literal(true), dropPartials: Type.Literal(false) },
      strict,
    ),
  },
  strict,
)

const TermsSchema = Type.Object(
  {
    ...named,
    operationType: Type.Literal('terms'),
    dataType: Type.Union([Type.Literal('string'), Type.Literal('number'), Type.Literal('ip'), Type.Literal('boolean')]),
    isBucketed: Type.Literal(true),
    scale: Type.Literal('ordinal'),
    params: Type.Object(
      {
        size: Type.Integer({ minimum: 1, maximum: 1000 }),
        orderBy: Type.Object({ type: Type.Literal('column'), columnId: Text }, strict),
        orderDirection: Type.Union([Type.Literal('asc'), Type.Literal('desc')]),
        otherBucket: Type.Boolean(),
        missingBucket: Type.Boolean(),
        parentFormat: Type.Object({ id: Type.Literal('terms') }, strict),
      },
      strict,
    ),
  },
  strict,
)

export const ColumnSchema = Type.Union([CountSchema, NumberSchema, LatestSchema, TimeSchema, TermsSchema])

const LayerSchema = Type.Object(
  {
    columnOrder: Type.Array(Text, { minItems: 1 }),
    columns: Type.Record(Type.String(), ColumnSchema),
    incompleteColumns: Empty,
    sampling: Type.Literal(1),
  },
  strict,
)

const MetricChartSchema = Type.Object({ layerId: Text, layerType: Type.Literal('data'), metricAccessor: Text }, strict)

const TableChartSchema = Type.Object(
  {
    layerId: Text,
    layerType: Type.Literal('data'),
    columns: Type.Array(Type.Object({ columnId: Text }, strict), { minItems: 1 }),
    paging: Type.Object({ enabled: Type.Literal(true), size: Type.Integer({ minimum: 5 }) }, strict),
    sorting: Type.Object({ columnId: Text, direction: Type.Literal('desc') }, strict),
  },
  strict,
)

const SeriesType = Type.Union([
  Type.Literal('bar_stacked'),
  Type.Literal('bar_horizontal'),
  Type.Literal('area_stacked'),
  Type.Literal('line'),
])

const XyChartSchema = Type.Object(
  {
    preferredSeriesType: SeriesType,
    legend: Type.Object({ isVisible: Type.Boolean(), position: Type.Literal('right') }, strict),
    valueLabels: Type.Literal('hide'),
    fittingFunction: Type.Literal('None'),
    layers: Type.Tuple([
      Type.Object(
        {
          layerId: Text,
          layerType: Type.Literal('data'),
          seriesType: SeriesType,
          accessors: Type.Array(Text, { minItems: 1 }),
          xAccessor: Text,
          splitAccessor: Type.Optional(Text),
        },
        strict,
      ),
    ]),
  },
  strict,
)

function lens<const T extends string, S extends Type.TSchema>(visualizationType: T, visualization: S) {
  return Type.Object(
    {
      title: Text,
      type: Type.Literal('lens'),
      visualizationType: Type.Literal(visualizationType),
      references: Type.Array(ReferenceSchema),
      state: Type.Object(
        {
          visualization,
          query: QuerySchema,
          filters: NoItems,
          datasourceStates: Type.Object(
            { formBased: Type.Object({ layers: Type.Record(Type.String(), LayerSchema) }, strict) },
            strict,
          ),
          internalReferences: NoItems,
          adHocDataViews: Empty,
        },
        strict,
      ),
    },
    strict,
  )
}

export const LensSchema = Type.Union([
  lens('lnsMetric', MetricChartSchema),
  lens('lnsDatatable', TableChartSchema),
  lens('lnsXY', XyChartSchema),
])

const place = {
  version: Type.Literal('8.9.0'),
  panelIndex: Text,
  title: Text,
  gridData: Type.Object(
    {
      x: Type.Integer({ minimum: 0, maximum: 47 }),
      y: Type.Integer({ minimum: 0 }),
      w: Type.Integer({ minimum: 1, maximum: 48 }),
      h: Type.Integer({ minimum: 1 }),
      i: Text,
    },
    strict,
  ),
}

export const LensPanelSchema = Type.Object(
  {
    ...place,
    type: Type.Literal('lens'),
    embeddableConfig: Type.Object({ attributes: LensSchema, enhancements: Empty }, strict),
  },
  strict,
)

export const SearchPanelSchema = Type.Object(
  {
    ...place,
    type: Type.Literal('search'),
    panelRefName: Text,
    embeddableConfig: Type.Object({ enhancements: Empty }, strict),
  },
  strict,
)

export const MarkdownPanelSchema = Type.Object(
  {
    ...place,
    type: Type.Literal('visualization'),
    embeddableConfig: Type.Object(
      {
        hidePanelTitles: Type.Literal(true),
        enhancements: Empty,
        savedVis: Type.Object(
          {
            title: Type.String(),
            description: Type.String(),
            type: Type.Literal('markdown'),
            uiState: Empty,
            params: Type.Object(
              { markdown: Text, fontSize: Type.Literal(12), openLinksInNewTab: Type.Literal(false) },
              strict,
            ),
            data: Type.Object(
              { aggs: NoItems, searchSource: Type.Object({ query: QuerySchema, filter: NoItems }, strict) },
              strict,
            ),
          },
          strict,
        ),
      },
      strict,
    ),
  },
  strict,
)

export const PanelSchema = Type.Union([LensPanelSchema, SearchPanelSchema, MarkdownPanelSchema])
export const PanelsSchema = Type.Array(PanelSchema, { minItems: 1 })
