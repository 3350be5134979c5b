/**
 * The saved objects that we make, as strictly as we make them: a key that is not here is a mistake. What Kibana keeps as
 * JSON inside a string has a schema of its own. Shapes are those that Kibana 8.9 exports; later versions migrate them
 * when they are imported.
 */
import Type from 'typebox'

const strict = { additionalProperties: false } as const
const Id = Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 80 })
const Text = Type.String({ minLength: 1 })
/** A JSON text; what it holds is checked on its own. */
const Json = Type.String({ minLength: 2 })

export const QuerySchema = Type.Object({ query: Type.String(), language: Type.Literal('kuery') }, strict)

export const ReferenceSchema = Type.Object(
  { type: Type.Union([Type.Literal('index-pattern'), Type.Literal('search')]), id: Id, name: Text },
  strict,
)

const envelope = { id: Id, references: Type.Array(ReferenceSchema), managed: Type.Literal(false) }

export const DataViewSchema = Type.Object(
  {
    ...envelope,
    type: Type.Literal('index-pattern'),
    attributes: Type.Object(
      { title: Text, name: Text, timeFieldName: Text, allowNoIndex: Type.Literal(true), fields: Type.Literal('[]') },
      strict,
    ),
    coreMigrationVersion: Type.Literal('8.8.0'),
    typeMigrationVersion: Type.Literal('8.0.0'),
  },
  strict,
)

export const SearchSchema = Type.Object(
  {
    ...envelope,
    type: Type.Literal('search'),
    attributes: Type.Object(
      {
        title: Text,
        description: Text,
        columns: Type.Array(Text, { minItems: 1 }),
        sort: Type.Array(Type.Tuple([Text, Type.Union([Type.Literal('asc'), Type.Literal('desc')])])),
        grid: Type.Object({}, strict),
        hideChart: Type.Boolean(),
        isTextBasedQuery: Type.Literal(false),
        timeRestore: Type.Literal(false),
        kibanaSavedObjectMeta: Type.Object({ searchSourceJSON: Json }, strict),
      },
      strict,
    ),
    coreMigrationVersion: Type.Literal('8.8.0'),
    typeMigrationVersion: Type.Literal('8.0.0'),
  },
  strict,
)

export const DashboardSchema = Type.Object(
  {
    ...envelope,
    type: Type.Literal('dashboard'),
    attributes: Type.Object(
      {
        title: Text,
        description: Text,
        kibanaSavedObjectMeta: Type.Object({ searchSourceJSON: Json }, strict),
        optionsJSON: Json,
        panelsJSON: Json,
        controlGroupInput: Type.Optional(
          Type.Object(
            {
              chainingSystem: Type.Literal('HIERARCHICAL'),
              controlStyle: Type.Literal('oneLine'),
              ignoreParentSettingsJSON: Json,
              panelsJSON: Json,
            },
            strict,
          ),
        ),
        refreshInterval: Type.Object({ pause: Type.Boolean(), value: Type.Integer({ minimum: 10_000 }) }, strict),
        timeRestore: Type.Literal(true),
        timeFrom: Text,
        timeTo: Type.Literal('now'),
        version: Type.Literal(1),
      },
      strict,
    ),
    coreMigrationVersion: Type.Literal('8.8.0'),
    typeMigrationVersion: Type.Literal('8.9.0'),
  },
  strict,
)

export const SavedObjectSchema = Type.Union([DataViewSchema, SearchSchema, DashboardSchema])

/** `searchSourceJSON` of a saved search. */
export const SearchSourceSchema = Type.Object(
  { query: QuerySchema, filter: Type.Array(Type.Unknown(), { maxItems: 0 }), indexRefName: Text },
  strict,
)

/** `searchSourceJSON` of a dashboard. */
export const DashboardSourceSchema = Type.Object(
  { query: QuerySchema, filter: Type.Array(Type.Unknown(), { maxItems: 0 }) },
  strict,
)

export const DashboardOptionsSchema = Type.Object(
  {
    useMargins: Type.Boolean(),
    syncColors: Type.Boolean(),
    syncCursor: Type.Boolean(),
    syncTooltips: Type.Boolean(),
    hidePanelTitles: Type.Boolean(),
  },
  strict,
)

export const ControlSettingsSchema = Type.Object(
  {
    ignoreFilters: Type.Boolean(),
    ignoreQuery: Type.Boolean(),
    ignoreTimerange: Type.Boolean(),
    ignoreValidations: Type.Boolean(),
  },
  strict,
)

/** `controlGroupInput.panelsJSON`: id → control. */
export const ControlsSchema = Type.Record(
  Type.String(),
  Type.Object(
    {
      type: Type.Literal('optionsListControl'),
      order: Type.Integer({ minimum: 0 }),
      grow: Type.Boolean(),
      width: Type.Literal('medium'),
      explicitInput: Type.Object(
        {
          id: Id,
          fieldName: Text,
          title: Text,
          selectedOptions: Type.Array(Type.String(), { maxItems: 0 }),
          enhancements: Type.Object({}, strict),
        },
        strict,
      ),
    },
    strict,
  ),
)
