/** One data view for each kind of document. Ids are fixed, so that an import replaces what an earlier one made. */
import type { Static } from 'typebox'
import { searchPattern } from '../../backends/elasticsearch/layout.ts'
import type { DataViewSchema } from './saved-object-schemas.ts'

/** The prefix of the indices in what is generated; the import writes that of the deployment in its place. */
export const PREFIX = 'seamark'

export type DataViewObject = Static<typeof DataViewSchema>

export const VIEW_IDS = {
  event: 'seamark-events',
  detection: 'seamark-detections',
  alert: 'seamark-alerts',
} as const

export type ViewKind = keyof typeof VIEW_IDS

const NAMES: Record<ViewKind, string> = {
  event: 'Seamark events',
  detection: 'Seamark detections',
  alert: 'Seamark alerts',
}

export function dataViews(): DataViewObject[] {
  return (Object.keys(VIEW_IDS) as ViewKind[]).map((kind) => ({
    type: 'index-pattern',
    id: VIEW_IDS[kind],
    managed: false,
    coreMigrationVersion: '8.8.0',
    typeMigrationVersion: '8.0.0',
    attributes: {
      title: searchPattern(PREFIX, kind),
      name: NAMES[kind],
      timeFieldName: '@timestamp',
      // Before the first alert there is no index of alerts.
      allowNoIndex: true,
      fields: '[]',
    },
    references: [],
  }))
}
