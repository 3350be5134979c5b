/** What rules files may ask of the engine and its plugins. */
import type { ItemReader } from './item-reader.ts'
import type { Item } from './yaml-items.ts'

/** The version of Falco's rule language that this engine follows. */
export const ENGINE_VERSION = '0.62.0'
/** Falco's plugins whose fields Seamark fills itself. */
const BUILT_IN_PLUGINS: ReadonlyMap<string, string> = new Map([
  ['container', '0.7.1'],
  ['k8smeta', '0.3.0'],
])

/** `required_engine_version: 13` means 0.13.0. */
export function checkEngineVersion(item: ItemReader): void {
  item.expectKeys(['required_engine_version'])
  const wanted = item.name.text.trim()
  const version = parseVersion(/^\d+$/.test(wanted) ? `0.${wanted}.0` : wanted)
  if (version === null) {
    item.shape(item.name, `"${wanted.slice(0, 40)}" is no version`, 'write a number or a version such as 0.57.0')
    return
  }
  const engine = parseVersion(ENGINE_VERSION)!
  if (version[0] !== engine[0] || compare(version, engine) > 0) {
    item.invalid(item.name, `the rules require engine version ${wanted}, but engine version is ${ENGINE_VERSION}`)
  }
}

/** Every requirement must be met by one of its alternatives. */
export function checkPluginVersions(item: ItemReader): void {
  item.expectKeys(['required_plugin_versions'])
  const value = item.item.entries.get('required_plugin_versions')!.value
  if (value.kind !== 'sequence') {
    item.shape(item.keyOf('required_plugin_versions'), '"required_plugin_versions" is a list of names and versions')
    return
  }
  for (const requirement of value.items) {
    expectPluginKeys(item, requirement, ['name', 'version', 'alternatives'])
    const choices = choicesOf(requirement)
    if (choices === null) {
      item.shape(item.keyOf('required_plugin_versions'), 'each required plugin has a name and a version')
      continue
    }
    const names = choices.map((choice) => choice.name)
    if (new Set(names).size < names.length) {
      item.invalid(item.keyOf('required_plugin_versions'), `plugin "${names[0]}" stands twice in one requirement`)
      continue
    }
    const broken = choices.find((choice) => parseVersion(choice.version) === null)
    if (broken !== undefined) {
      item.invalid(item.keyOf('required_plugin_versions'), `"${broken.version}" is no version`)
    } else if (!choices.some(isMet)) {
      item.invalid(item.keyOf('required_plugin_versions'), unmetText(choices))
    }
  }
}

function expectPluginKeys(item: ItemReader, plugin: Item, keys: readonly string[]): void {
  if (plugin.kind !== 'map') return
  item.expectKeys(keys, plugin, 'a required plugin')
  const alternatives = plugin.entries.get('alternatives')?.value
  if (alternatives?.kind !== 'sequence') return
  for (const alternative of alternatives.items) expectPluginKeys(item, alternative, ['name', 'version'])
}

function unmetText(choices: readonly { name: string; version: string }[]): string {
  const wanted = choices.map(({ name, version }) => `${name} ${version}`).join(' or ')
  const ours = choices.flatMap(({ name }) => {
    const version = BUILT_IN_PLUGINS.get(name)
    return version === undefined ? [] : [`${name} ${version}`]
  })
  return ours.length === 0
    ? `the rules require plugin ${wanted}, which Seamark does not stand in for`
    : `the rules require plugin ${wanted}, and Seamark stands in for ${ours.join(' and ')}: the versions do not match`
}

function isMet({ name, version }: { name: string; version: string }): boolean {
  const ours = BUILT_IN_PLUGINS.get(name)
  if (ours === undefined) return false
  const have = parseVersion(ours)!
  const want = parseVersion(version)!
  return have[0] === want[0] && compare(want, have) <= 0
}

function choicesOf(item: Item): { name: string; version: string }[] | null {
  if (item.kind !== 'map') return null
  const name = item.entries.get('name')?.value
  const version = item.entries.get('version')?.value
  if (name?.kind !== 'scalar' || version?.kind !== 'scalar') return null
  const found = [{ name: name.scalar.text, version: version.scalar.text }]
  const alternatives = item.entries.get('alternatives')?.value
  if (alternatives === undefined) return found
  if (alternatives.kind !== 'sequence') return null
  for (const alternative of alternatives.items) {
    if (alternative.kind !== 'map' || alternative.entries.has('alternatives')) return null
    const choices = choicesOf(alternative)
    if (choices === null) return null
    found.push(...choices)
  }
  return found
}

type Version = readonly [number, number, number]

function parseVersion(text: string): Version | null {
  const found = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+][0-9A-Za-z.+-]*)?$/.exec(text)
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3])]
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
