/** Everything that is imported into Kibana, and the files that hold it: one object each. */
import { dashboard } from './dashboard.ts'
import { DASHBOARDS } from './dashboards/index.ts'
import { dataViews } from './data-views.ts'
import { type SavedObject, searches } from './searches.ts'

export function savedObjects(): SavedObject[] {
  return [...dataViews(), ...searches(), ...DASHBOARDS.map((content) => dashboard(content, DASHBOARDS))]
}

/** Path from the project's root → content. */
export function kibanaFiles(): Map<string, string> {
  return new Map(
    savedObjects().map((object) => [
      `deploy/kibana/${object.type}/${object.id}.json`,
      `${JSON.stringify(object, null, 2)}\n`,
    ]),
  )
}
