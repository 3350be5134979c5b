/** Columns of a Lens layer: what is counted, and by what. */
import type { Static } from 'typebox'
import type { ColumnSchema } from './lens-schemas.ts'

export type Column = Static<typeof ColumnSchema>

const filterBy = (kql: string | undefined) =>
  kql === undefined ? {} : { filter: { query: kql, language: 'kuery' as const } }

/** Documents, or those that the KQL names. */
export function count(label: string, kql?: string): Column {
  return {
    label,
    customLabel: true,
    operationType: 'count',
    sourceField: '___records___',
    dataType: 'number',
    isBucketed: false,
    scale: 'ratio',
    params: { emptyAsNull: false },
    ...filterBy(kql),
  }
}

/** Documents a minute, whatever the width of the bars. */
export function countPerMinute(label: string): Column {
  return { ...count(label), timeScale: 'm' } as Column
}

export function sum(label: string, sourceField: string, kql?: string): Column {
  return number('sum', label, sourceField, kql)
}

/** How many values there are. */
export function distinct(label: string, sourceField: string, kql?: string): Column {
  return number('unique_count', label, sourceField, kql)
}

function number(operationType: 'sum' | 'unique_count', label: string, sourceField: string, kql?: string): Column {
  return {
    label,
    customLabel: true,
    operationType,
    sourceField,
    dataType: 'number',
    isBucketed: false,
    scale: 'ratio',
    params: { emptyAsNull: false },
    ...filterBy(kql),
  }
}

/** The latest time. */
export function latest(label: string, sourceField = '@timestamp'): Column {
  return {
    label,
    customLabel: true,
    operationType: 'max',
    sourceField,
    dataType: 'date',
    isBucketed: false,
    scale: 'ratio',
    params: { emptyAsNull: true },
  }
}

export function overTime(): Column {
  return {
    label: 'Time',
    customLabel: true,
    operationType: 'date_histogram',
    sourceField: '@timestamp',
    dataType: 'date',
    isBucketed: true,
    scale: 'interval',
    params: { interval: 'auto', includeEmptyRows: true, dropPartials: false },
  }
}

export interface TopOptions {
  size?: number
  dataType?: 'string' | 'number' | 'boolean'
  /** Keeps documents without the field, as a row of their own; for texts only. */
  keepMissing?: boolean
}

/** The most frequent values, by the column `by`. */
export function top(label: string, sourceField: string, by: string, options: TopOptions = {}): Column {
  const { size = 10, dataType = 'string', keepMissing = false } = options
  return {
    label,
    customLabel: true,
    operationType: 'terms',
    sourceField,
    dataType,
    isBucketed: true,
    scale: 'ordinal',
    params: {
      size,
      orderBy: { type: 'column', columnId: by },
      orderDirection: 'desc',
      // Lens keeps documents without the field only beside the row of all other values.
      otherBucket: keepMissing,
      missingBucket: keepMissing,
      parentFormat: { id: 'terms' },
    },
  }
}
