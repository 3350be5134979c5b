/** Problems of rule files in the shape that Falco prints for `falco -V` with JSON output: one result per file. */
import type { Location, Problem } from '../../core/model/problem.ts'
import { kindOf } from '../../core/ruleset/merged-definitions.ts'
import { RuleFile as RuleText } from '../../core/ruleset/rule-file.ts'
import { readItems } from '../../core/ruleset/yaml-items.ts'
import type { RuleFile } from './rule-files.ts'

export interface LoadResult {
  name: string
  successful: boolean
  errors: LoadMessage[]
  warnings: LoadMessage[]
}

export interface LoadMessage {
  /** Falco's code, or ours (`E_…`, `W_…`) where Falco has none. */
  code: string
  /** What the code is about, in words. */
  codedesc: string
  message: string
  /** Ours, beside Falco's. */
  seamark_code: string
  hint?: string
  context: {
    locations: { item_type: string; item_name: string; position: Position }[]
    snippet: string
  }
}

/** As Falco counts: line and column from 0. */
interface Position {
  name: string
  line: number
  column: number
  offset: number
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  LOAD_ERR_FILE_READ: 'File read error',
  LOAD_ERR_YAML_PARSE: 'YAML parse error',
  LOAD_ERR_YAML_VALIDATE: 'Error validating internal structure of YAML file',
  LOAD_ERR_COMPILE_CONDITION: 'Error compiling condition',
  LOAD_ERR_COMPILE_OUTPUT: 'Error compiling output',
  LOAD_ERR_VALIDATE: 'Error validating rule, macro, list or exception',
  LOAD_ERR_EXTENSION: 'Error in extension item',
  LOAD_UNKNOWN_SOURCE: 'Unknown event source',
  LOAD_UNSAFE_NA_CHECK: 'Unsafe comparison with <NA>',
  LOAD_NO_EVTTYPE: 'Condition has no or too many event types',
  LOAD_UNKNOWN_FILTER: 'Unknown field or event type in condition',
  LOAD_UNUSED_MACRO: 'Unused macro',
  LOAD_UNUSED_LIST: 'Unused list',
  LOAD_UNKNOWN_ITEM: 'Unknown rules file item',
  LOAD_DEPRECATED_ITEM: 'Used deprecated item',
  LOAD_WARNING_EXTENSION: 'Warning in extension item',
  LOAD_APPEND_NO_VALUES: 'Appending without values',
  LOAD_EXCEPTION_NAME_NOT_UNIQUE: 'Several exceptions have the same name',
  LOAD_INVALID_MACRO_NAME: 'Invalid macro name',
  LOAD_INVALID_LIST_NAME: 'Invalid list name',
  LOAD_COMPILE_CONDITION: 'Warning in condition',
  LOAD_UNKNOWN_KEY: 'Unknown key',
}

export function falcoLoadResults(
  files: readonly RuleFile[],
  problems: readonly Problem[],
): { falco_load_results: LoadResult[] } {
  const results = files.map((file): LoadResult => {
    const { name } = file
    const own = problems.filter(({ location }) => location.file === name)
    const places = new ItemPlaces(file)
    const of = (severity: Problem['severity']) =>
      own.filter((problem) => problem.severity === severity).map((problem) => messageOf(problem, places))
    const errors = of('error')
    return { name, successful: errors.length === 0, errors, warnings: of('warning') }
  })
  return { falco_load_results: results }
}

function messageOf({ code, falcoCode, message, location, snippet, hint }: Problem, places: ItemPlaces): LoadMessage {
  const { line, column } = location
  const offset = places.offset(location)
  const item = places.itemAt(offset)
  const position = { name: location.file, line: line - 1, column: column - 1, offset }
  return {
    code: falcoCode ?? code,
    codedesc: DESCRIPTIONS[falcoCode ?? ''] ?? 'Warning of Seamark',
    message,
    seamark_code: code,
    ...(hint === undefined ? {} : { hint }),
    context: {
      locations: [{ item_type: item.type, item_name: item.name, position }],
      snippet: snippet ?? '',
    },
  }
}

/** Which item of a file a place belongs to: the nearest one that begins at or before it. */
class ItemPlaces {
  private readonly file: RuleText
  private readonly items: { start: number; type: string; name: string }[]

  constructor(file: RuleFile) {
    this.file = new RuleText(file)
    this.items = readItems(this.file).items.flatMap((item) => {
      const type = kindOf(item)
      const name = type === undefined ? undefined : item.entries.get(type)!.value
      const text = name?.kind === 'scalar' ? name.scalar.text : ''
      return [{ start: item.at.start, type: type ?? 'rules content', name: text }]
    })
  }

  itemAt(offset: number): { type: string; name: string } {
    const { type, name } = this.items.findLast(({ start }) => start <= offset) ?? { type: 'rules content', name: '' }
    return { type, name }
  }

  offset(location: Location): number {
    return this.file.offsetOf(location)
  }
}
