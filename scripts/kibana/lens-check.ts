/** Checks one Lens panel: its columns fit each other, the chart and the fields they are made of. */
import type { Static } from 'typebox'
import { checkField, checkQuery, type FieldUse, type Tell } from './field-checks.ts'
import type { Column } from './lens-columns.ts'
import type { LensSchema } from './lens-schemas.ts'

type Lens = Static<typeof LensSchema>

const USES: Record<Exclude<Column['operationType'], 'count'>, FieldUse> = {
  terms: 'terms',
  date_histogram: 'time',
  sum: 'sum',
  max: 'time',
  unique_count: 'unique_count',
}
/** Types of mappings as Lens calls them. */
const DATA_TYPES: Record<string, string> = { keyword: 'string', long: 'number', ip: 'ip', boolean: 'boolean' }

/** The names of the references that the panel needs of its dashboard. */
export function checkLens(
  lens: Lens,
  fields: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
  tell: Tell,
): string[] {
  checkQuery(lens.state.query.query, fields, tell)
  const { layers } = lens.state.datasourceStates.formBased
  const used = chartOf(lens)
  if (!Object.hasOwn(layers, used.layerId) || Object.keys(layers).length !== 1)
    tell(`the chart shows layer ${used.layerId}; there are: ${Object.keys(layers).join(', ')}`)
  for (const { columnOrder, columns } of Object.values(layers)) {
    const ids = Object.keys(columns)
    if (columnOrder.length !== ids.length || !columnOrder.every((id) => Object.hasOwn(columns, id)))
      tell(`columnOrder names other columns (${columnOrder.join(', ')}) than there are (${ids.join(', ')})`)
    for (const id of used.columns)
      if (!Object.hasOwn(columns, id)) tell(`the chart uses column ${id}, which is not there`)
    for (const id of ids) if (!used.columns.includes(id)) tell(`column ${id} is not shown`)
    const buckets = columnOrder.map((id) => columns[id]?.isBucketed)
    if (buckets.indexOf(false) !== -1 && buckets.lastIndexOf(true) > buckets.indexOf(false))
      tell('columnOrder has a value before a group')
    if (lens.visualizationType === 'lnsMetric' && ids.some((id) => columns[id]!.dataType !== 'number'))
      tell('the number shown is no number')
    for (const column of Object.values(columns)) checkColumn(column, columns, fields, tell)
  }
  const names = Object.keys(layers).map((id) => `indexpattern-datasource-layer-${id}`)
  for (const name of names)
    if (!lens.references.some((one) => one.name === name)) tell(`inner reference ${name} is missing`)
  for (const { type, id, name } of lens.references) {
    if (!names.includes(name)) tell(`inner reference ${name} is used by nothing`)
    if (type !== 'index-pattern' || !known.has(`${type}/${id}`)) tell(`inner reference ${name} leads to no data view`)
  }
  return names
}

/** The layer that a chart shows, and its columns. */
function chartOf({ visualizationType, state: { visualization } }: Lens): { layerId: string; columns: string[] } {
  const chart = visualization as Record<string, unknown>
  if (visualizationType === 'lnsMetric') {
    const { layerId, metricAccessor } = chart as { layerId: string; metricAccessor: string }
    return { layerId, columns: [metricAccessor] }
  }
  if (visualizationType === 'lnsDatatable') {
    const { layerId, columns, sorting } = chart as {
      layerId: string
      columns: { columnId: string }[]
      sorting: { columnId: string }
    }
    return { layerId, columns: [...columns.map(({ columnId }) => columnId), sorting.columnId] }
  }
  const [layer] = chart.layers as [{ layerId: string; accessors: string[]; xAccessor: string; splitAccessor?: string }]
  const { layerId, accessors, xAccessor, splitAccessor } = layer
  return { layerId, columns: [...accessors, xAccessor, ...(splitAccessor === undefined ? [] : [splitAccessor])] }
}

function checkColumn(
  column: Column,
  columns: Readonly<Record<string, Column>>,
  fields: ReadonlyMap<string, string>,
  tell: Tell,
): void {
  const within: Tell = (message) => tell(`column "${column.label}": ${message}`)
  if (!column.isBucketed && column.filter !== undefined) checkQuery(column.filter.query, fields, within)
  if (column.operationType === 'count') return
  checkField(column.sourceField, USES[column.operationType], fields, within)
  if (column.operationType !== 'terms') return
  const type = DATA_TYPES[fields.get(column.sourceField) ?? '']
  if (type !== undefined && type !== column.dataType) within(`the field is ${type}, not ${column.dataType}`)
  const by = column.params.orderBy.columnId
  if (!Object.hasOwn(columns, by) || columns[by]!.isBucketed) within(`is sorted by ${by}, which is no value`)
  if (column.params.missingBucket && (column.dataType !== 'string' || !column.params.otherBucket))
    within('cannot keep documents without the field')
}
