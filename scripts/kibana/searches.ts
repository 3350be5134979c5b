/** Saved searches: lists of documents, newest first, that dashboards show and Discover opens. */
import type { Static } from 'typebox'
import { VIEW_IDS, type ViewKind } from './data-views.ts'
import type { SavedObjectSchema, SearchSchema } from './saved-object-schemas.ts'

export type SavedObject = Static<typeof SavedObjectSchema>
export type Search = Static<typeof SearchSchema>

interface SearchContent {
  title: string
  description: string
  view: ViewKind
  kql: string
  columns: string[]
}

const SEARCHES = {
  'seamark-list-alerts': {
    title: 'Seamark: alerts',
    description: 'Every alert with what raised it, newest first.',
    view: 'alert',
    kql: '',
    columns: [
      'log.level',
      'rule.name',
      'host.name',
      'container.name',
      'user.name',
      'process.command_line',
      'seamark.alert.count',
      'seamark.alert.last',
      'message',
    ],
  },
  'seamark-list-events': {
    title: 'Seamark: events',
    description: 'Stored events, newest first.',
    view: 'event',
    kql: '',
    columns: [
      'event.action',
      'event.outcome',
      'container.name',
      'user.name',
      'process.command_line',
      'file.path',
      'destination.address',
      'destination.port',
    ],
  },
  'seamark-list-docker': {
    title: 'Seamark: what Docker did',
    description: "Docker's own events: containers started, stopped, changed; images pulled; networks and volumes.",
    view: 'event',
    kql: 'event.dataset: seamark.docker',
    columns: ['event.action', 'docker.type', 'container.name', 'container.image.name', 'docker.id', 'host.name'],
  },
  'seamark-list-health': {
    title: 'Seamark: what it could not see',
    description: 'Drops, gaps and blind sources, in words.',
    view: 'event',
    kql: 'event.dataset: seamark.health',
    columns: ['host.name', 'seamark.health.kind', 'seamark.health.count', 'message'],
  },
} satisfies Record<string, SearchContent>

export type SearchId = keyof typeof SEARCHES

const INDEX = 'kibanaSavedObjectMeta.searchSourceJSON.index'

export function searches(): Search[] {
  return Object.entries<SearchContent>(SEARCHES).map(([id, { title, description, view, kql, columns }]) => ({
    type: 'search',
    id,
    managed: false,
    coreMigrationVersion: '8.8.0',
    typeMigrationVersion: '8.0.0',
    attributes: {
      title,
      description,
      columns,
      sort: [['@timestamp', 'desc']],
      grid: {},
      hideChart: false,
      isTextBasedQuery: false,
      timeRestore: false,
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          query: { query: kql, language: 'kuery' },
          filter: [],
          indexRefName: INDEX,
        }),
      },
    },
    references: [{ type: 'index-pattern', id: VIEW_IDS[view], name: INDEX }],
  }))
}
