/** What is imported into Kibana is sound, and the check that says so sees each kind of mistake. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { kibanaFiles } from '../../../scripts/kibana/saved-objects.ts'
import { validate } from '../../../scripts/kibana/validate.ts'

const FOLDER = join(import.meta.dirname, '../../../deploy/kibana')

/** As mutable as what is read from a file. */
// biome-ignore lint/suspicious/noExplicitAny: the mistakes made below are of any shape.
type Loose = any

function committed(): Loose[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')))
}

function find(objects: Loose[], type: string, id: string): Loose {
  const found = objects.find((one) => one.type === type && one.id === id)
  expect(found, `${type}/${id}`).toBeDefined()
  return found
}

/** Changes what a JSON text inside an object holds. */
function inside(holder: Loose, key: string, change: (value: Loose) => void): void {
  const value = JSON.parse(holder[key])
  change(value)
  holder[key] = JSON.stringify(value)
}

const overview = (objects: Loose[]) => find(objects, 'dashboard', 'seamark-overview')
const alertsList = (objects: Loose[]) => find(objects, 'search', 'seamark-list-alerts')

function panels(objects: Loose[], change: (panels: Loose[]) => void): void {
  inside(overview(objects).attributes, 'panelsJSON', change)
}

/** The columns and state of the first panel that has a column of this operation. */
function column(
  objects: Loose[],
  operation: string,
  change: (column: Loose, columns: Loose, lens: Loose) => void,
): void {
  panels(objects, (all) => {
    for (const { type, embeddableConfig } of all) {
      if (type !== 'lens') continue
      const { columns } = embeddableConfig.attributes.state.datasourceStates.formBased.layers.layer
      const found = Object.values<Loose>(columns).find(({ operationType }) => operationType === operation)
      if (found === undefined) continue
      change(found, columns, embeddableConfig.attributes)
      return
    }
    throw new Error(`no panel with ${operation}`)
  })
}

test('every saved object is sound: shape, JSON inside, references, fields, KQL', () => {
  expect(validate(committed())).toEqual([])
})

test('the folder holds what the code makes and nothing else', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))
  expect(files.map((name) => `deploy/kibana/${name}`).toSorted()).toEqual([...kibanaFiles().keys()].toSorted())
})

describe('the check tells', () => {
  const cases: Record<string, [(objects: Loose[]) => void, RegExp]> = {
    'a reference to what is not there': [
      (objects) => {
        alertsList(objects).references[0].id = 'seamark-elsewhere'
      },
      /search\/seamark-list-alerts: reference .* leads to index-pattern\/seamark-elsewhere/,
    ],
    'a data view that was left out': [
      (objects) => objects.splice(objects.indexOf(find(objects, 'index-pattern', 'seamark-events')), 1),
      /leads to index-pattern\/seamark-events, which is not there/,
    ],
    "a panel's reference that its dashboard lacks": [
      (objects) => overview(objects).references.splice(1, 1),
      /reference panel-\d+:indexpattern-datasource-layer-layer is missing|optionsListDataView is missing/,
    ],
    'a reference that nothing uses': [
      (objects) => overview(objects).references.push({ type: 'search', id: 'seamark-list-alerts', name: 'spare' }),
      /reference spare is used by nothing/,
    ],
    'an inner reference that is missing': [
      (objects) =>
        column(objects, 'count', (_column, _columns, lens) => {
          lens.references = []
        }),
      /inner reference indexpattern-datasource-layer-layer is missing/,
    ],
    'a field that no document has': [
      (objects) =>
        column(objects, 'terms', (terms) => {
          terms.sourceField = 'proces.name'
        }),
      /the index template has no field proces\.name/,
    ],
    'groups by a flattened object': [
      (objects) =>
        column(objects, 'terms', (terms) => {
          terms.sourceField = 'container.labels'
        }),
      /container\.labels is flattened, which cannot be used as terms/,
    ],
    'a sum of texts': [
      (objects) =>
        column(objects, 'sum', (sum) => {
          sum.sourceField = 'container.name'
        }),
      /container\.name is keyword, which cannot be used as sum/,
    ],
    'numbers that are called texts': [
      (objects) =>
        column(objects, 'terms', (terms) => {
          terms.sourceField = 'destination.port'
        }),
      /the field is number, not string/,
    ],
    'sorting by a column that is not there': [
      (objects) =>
        column(objects, 'terms', (terms) => {
          terms.params.orderBy.columnId = 'gone'
        }),
      /is sorted by gone/,
    ],
    'a chart of a column that is not there': [
      (objects) =>
        column(objects, 'date_histogram', (_column, _columns, lens) => {
          lens.state.visualization.layers[0].xAccessor = 'gone'
        }),
      /the chart uses column gone/,
    ],
    'KQL that cannot be read': [
      (objects) =>
        column(objects, 'count', (_column, _columns, lens) => {
          lens.state.query.query = 'rule.name: (a or'
        }),
      /KQL at \d+: .*rule\.name: \(a or/,
    ],
    "KQL with an unknown field, in a column's filter": [
      (objects) =>
        column(objects, 'count', (count) => {
          count.filter = { language: 'kuery', query: 'alert.status: open' }
        }),
      /column "Open alerts": KQL at \d+: unknown field "alert\.status"/,
    ],
    'KQL without a field': [
      (objects) =>
        inside(alertsList(objects).attributes.kibanaSavedObjectMeta, 'searchSourceJSON', (source) => {
          source.query.query = 'nginx'
        }),
      /KQL without a field: nginx/,
    ],
    'KQL with a value that the field cannot have': [
      (objects) =>
        inside(alertsList(objects).attributes.kibanaSavedObjectMeta, 'searchSourceJSON', (source) => {
          source.query.query = 'destination.ip: nginx'
        }),
      /"nginx" is no value of destination\.ip/,
    ],
    'a column of a list that no document has': [
      (objects) => alertsList(objects).attributes.columns.push('nothing.like.it'),
      /the index template has no field nothing\.like\.it/,
    ],
    'a control on a field that cannot be listed': [
      (objects) =>
        inside(overview(objects).attributes.controlGroupInput, 'panelsJSON', (controls) => {
          controls['control-host-name'].explicitInput.fieldName = '@timestamp'
        }),
      /@timestamp is date, which cannot be used as terms/,
    ],
    'JSON that cannot be read': [
      (objects) => {
        overview(objects).attributes.optionsJSON = '{"useMargins":'
      },
      /optionsJSON is no JSON/,
    ],
    'panels that cannot be read': [
      (objects) => {
        overview(objects).attributes.panelsJSON += ']'
      },
      /panelsJSON is no JSON/,
    ],
    'an id that is there twice': [
      (objects) => objects.push(structuredClone(alertsList(objects))),
      /search\/seamark-list-alerts: the id is there twice/,
    ],
    'two panels of one id': [
      (objects) =>
        panels(objects, (all) => {
          all[2].panelIndex = all[1].panelIndex
        }),
      /two panels are called panel-2/,
    ],
    'panels on one another': [
      (objects) =>
        panels(objects, (all) => {
          all[2].gridData.x = all[1].gridData.x
        }),
      /lie on one another/,
    ],
    'an unknown key of an object': [
      (objects) => {
        overview(objects).attributes.colour = 'red'
      },
      /dashboard\/seamark-overview: \/attributes .*colour/,
    ],
    'an unknown key of a panel': [
      (objects) =>
        panels(objects, (all) => {
          all[1].embeddableConfig.colour = 'red'
        }),
      /dashboard\/seamark-overview: panelsJSON/,
    ],
    'an unknown key of a column': [
      (objects) =>
        column(objects, 'terms', (terms) => {
          terms.params.colour = 'red'
        }),
      /dashboard\/seamark-overview: panelsJSON/,
    ],
    'a link to a dashboard that is not there': [
      (objects) =>
        panels(objects, (all) => {
          const { params } = all[0].embeddableConfig.savedVis
          params.markdown = params.markdown.replace('#/view/seamark-', '#/view/seamork-')
        }),
      /there is no dashboard at #\/view\/seamork-/,
    ],
    'a data view of indices that we do not make': [
      (objects) => {
        find(objects, 'index-pattern', 'seamark-events').attributes.title = 'filebeat-*'
      },
      /filebeat-\* names no indices of ours/,
    ],
    'a version that the oldest supported Kibana does not know': [
      (objects) => {
        overview(objects).typeMigrationVersion = '10.2.0'
      },
      /dashboard\/seamark-overview: \/typeMigrationVersion/,
    ],
    'an object of a type that we do not make': [
      (objects) => objects.push({ type: 'canvas-workpad', id: 'x' }),
      /canvas-workpad\/x: is of no type/,
    ],
    'no object at all': [(objects) => objects.push(null), /object \d+: is of no type/],
  }

  test.each(Object.entries(cases))('%s', (_name, [spoil, told]) => {
    const objects = committed()
    spoil(objects)
    expect(validate(objects).join('\n')).toMatch(told)
  })
})
