/**
 * Checks saved objects without a Kibana: shape, every JSON text inside them, every reference, every field against our
 * index template, every KQL query. What this passes, Kibana can resolve; how it looks is not judged here.
 */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { searchPattern } from '../../backends/elasticsearch/layout.ts'
import type { Dashboard } from './dashboard.ts'
import { type DataViewObject, PREFIX } from './data-views.ts'
import { checkField, checkQuery, type Tell } from './field-checks.ts'
import { checkLens } from './lens-check.ts'
import { PanelsSchema } from './lens-schemas.ts'
import {
  ControlSettingsSchema,
  ControlsSchema,
  DashboardOptionsSchema,
  DashboardSchema,
  DashboardSourceSchema,
  DataViewSchema,
  SearchSchema,
  SearchSourceSchema,
} from './saved-object-schemas.ts'
import type { SavedObject, Search } from './searches.ts'
import { templateFields } from './template-fields.ts'

const SCHEMAS: ReadonlyMap<unknown, TSchema> = new Map<unknown, TSchema>([
  ['index-pattern', DataViewSchema],
  ['search', SearchSchema],
  ['dashboard', DashboardSchema],
])
/** One mistake of shape usually brings others; the first few tell enough. */
const MAX_SHAPE_FAULTS = 5

/** A readable line for each mistake; none when all is well. Never throws, whatever the objects are. */
export function validate(objects: readonly unknown[]): string[] {
  const faults: string[] = []
  const sound: SavedObject[] = []
  for (const [index, object] of objects.entries()) {
    const { type, id } = (object ?? {}) as { type?: unknown; id?: unknown }
    const tell: Tell = (message) => faults.push(`${nameOf(type, id, index)}: ${message}`)
    const schema = SCHEMAS.get(type)
    if (schema === undefined) tell('is of no type that we make')
    else if (hasShape(schema, object, '', tell)) sound.push(object as SavedObject)
  }
  const known = new Set<string>()
  for (const { type, id } of sound) {
    if (known.has(`${type}/${id}`)) faults.push(`${type}/${id}: the id is there twice`)
    known.add(`${type}/${id}`)
  }
  const fields = templateFields()
  for (const object of sound) {
    const tell: Tell = (message) => faults.push(`${object.type}/${object.id}: ${message}`)
    const needed =
      object.type === 'dashboard' ? checkDashboard(object, fields, known, tell) : checkOther(object, fields, tell)
    checkReferences(object, needed, known, tell)
  }
  return faults
}

function nameOf(type: unknown, id: unknown, index: number): string {
  return typeof type === 'string' && typeof id === 'string' ? `${type}/${id}` : `object ${index + 1}`
}

function hasShape(schema: TSchema, value: unknown, where: string, tell: Tell): boolean {
  if (Value.Check(schema, value)) return true
  for (const { instancePath, message, params } of Value.Errors(schema, value).slice(0, MAX_SHAPE_FAULTS))
    tell(`${where}${instancePath} ${message} ${JSON.stringify(params)}`.trim())
  return false
}

/** What a JSON text holds, when it can be read and has the shape. */
function read<S extends TSchema>(schema: S, text: string, where: string, tell: Tell): Static<S> | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    tell(`${where} is no JSON: ${(error as Error).message}`)
    return null
  }
  return hasShape(schema, value, where, tell) ? (value as Static<S>) : null
}

/** The names under which an object must have references; null when it could not be read, which has been told. */
type Needed = ReadonlyMap<string, string> | null
type Fields = ReadonlyMap<string, string>

function checkOther(object: DataViewObject | Search, fields: Fields, tell: Tell): Needed {
  return object.type === 'search' ? checkSearch(object, fields, tell) : checkDataView(object, fields, tell)
}

function checkDataView({ attributes }: DataViewObject, fields: Fields, tell: Tell): Needed {
  const titles = (['event', 'detection', 'alert'] as const).map((kind) => searchPattern(PREFIX, kind))
  if (!titles.includes(attributes.title)) tell(`${attributes.title} names no indices of ours`)
  checkField(attributes.timeFieldName, 'time', fields, tell)
  return new Map()
}

function checkSearch({ attributes }: Search, fields: Fields, tell: Tell): Needed {
  for (const column of attributes.columns) checkField(column, 'shown', fields, tell)
  for (const [field] of attributes.sort) checkField(field, 'sorted', fields, tell)
  const text = attributes.kibanaSavedObjectMeta.searchSourceJSON
  const source = read(SearchSourceSchema, text, 'searchSourceJSON', tell)
  if (source === null) return null
  checkQuery(source.query.query, fields, tell)
  return new Map([[source.indexRefName, 'index-pattern']])
}

function checkDashboard({ attributes }: Dashboard, fields: Fields, known: ReadonlySet<string>, tell: Tell): Needed {
  const needed = new Map<string, string>()
  const source = read(
    DashboardSourceSchema,
    attributes.kibanaSavedObjectMeta.searchSourceJSON,
    'searchSourceJSON',
    tell,
  )
  if (source !== null) checkQuery(source.query.query, fields, tell)
  read(DashboardOptionsSchema, attributes.optionsJSON, 'optionsJSON', tell)
  const group = attributes.controlGroupInput
  if (group !== undefined) {
    read(ControlSettingsSchema, group.ignoreParentSettingsJSON, 'ignoreParentSettingsJSON', tell)
    const controls = read(ControlsSchema, group.panelsJSON, 'controlGroupInput.panelsJSON', tell)
    if (controls === null) return null
    for (const [id, { explicitInput }] of Object.entries(controls)) {
      if (explicitInput.id !== id) tell(`control ${id} calls itself ${explicitInput.id}`)
      checkField(explicitInput.fieldName, 'terms', fields, tell)
      needed.set(`controlGroup_${id}:optionsListDataView`, 'index-pattern')
    }
  }
  const panels = read(PanelsSchema, attributes.panelsJSON, 'panelsJSON', tell)
  if (panels === null) return null
  checkPlaces(panels, tell)
  for (const panel of panels) {
    const within: Tell = (message) => tell(`panel "${panel.title}": ${message}`)
    if (panel.type === 'lens') {
      for (const name of checkLens(panel.embeddableConfig.attributes, fields, known, within))
        needed.set(`${panel.panelIndex}:${name}`, 'index-pattern')
    } else if (panel.type === 'search') {
      needed.set(`${panel.panelIndex}:${panel.panelRefName}`, 'search')
    } else {
      checkLinks(panel.embeddableConfig.savedVis.params.markdown, known, within)
    }
  }
  return needed
}

const LINK = /\]\(([^)]*)\)/g
const VIEW = '#/view/'

function checkLinks(markdown: string, known: ReadonlySet<string>, tell: Tell): void {
  for (const [, address = ''] of markdown.matchAll(LINK)) {
    if (!address.startsWith(VIEW)) tell(`a link to ${address} leaves the dashboards`)
    else if (!known.has(`dashboard/${address.slice(VIEW.length)}`)) tell(`there is no dashboard at ${address}`)
  }
}

type Panels = Static<typeof PanelsSchema>

/** Ids of their own, within the grid, none on top of another. */
function checkPlaces(panels: Panels, tell: Tell): void {
  const seen = new Set<string>()
  const taken = new Map<string, string>()
  for (const { panelIndex, title, gridData } of panels) {
    if (seen.has(panelIndex)) tell(`two panels are called ${panelIndex}`)
    seen.add(panelIndex)
    if (gridData.i !== panelIndex) tell(`panel "${title}" has another id in the grid`)
    if (gridData.x + gridData.w > 48) tell(`panel "${title}" is wider than the grid`)
    for (let x = gridData.x; x < gridData.x + gridData.w; x++) {
      for (let y = gridData.y; y < gridData.y + gridData.h; y++) {
        const other = taken.get(`${x},${y}`)
        if (other !== undefined && other !== title) {
          tell(`panels "${other}" and "${title}" lie on one another`)
          return
        }
        taken.set(`${x},${y}`, title)
      }
    }
  }
}

/** Every reference is needed, leads to an object of the right type, and none is missing. */
function checkReferences(object: SavedObject, needed: Needed, known: ReadonlySet<string>, tell: Tell): void {
  const names = new Set<string>()
  for (const { type, id, name } of object.references) {
    if (names.has(name)) tell(`reference ${name} is there twice`)
    names.add(name)
    if (!known.has(`${type}/${id}`)) tell(`reference ${name} leads to ${type}/${id}, which is not there`)
    if (needed === null) continue
    const wanted = needed.get(name)
    if (wanted === undefined) tell(`reference ${name} is used by nothing`)
    else if (wanted !== type) tell(`reference ${name} is to be of type ${wanted}, not ${type}`)
  }
  for (const name of needed?.keys() ?? []) if (!names.has(name)) tell(`reference ${name} is missing`)
}
