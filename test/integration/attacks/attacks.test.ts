/**
 * Falco's own rules against real attacks: each is carried out in a real container or on this host, with a twin that
 * differs in one relevant fact. The first raises its rule while it runs, the second does not.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { dockerMissing } from '../../support/docker.ts'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'
import { falcoRules } from '../../support/upstream.ts'
import { until } from '../../support/wait.ts'
import { type Attack, type Program, type Start, tool } from './attack.ts'
import { BY_PROGRAMS } from './by-programs.ts'
import { Laboratory } from './laboratory.ts'
import { ON_FILES } from './on-files.ts'
import { ON_KERNEL, ON_NETWORK } from './on-network-and-kernel.ts'
import { OUT_OF_REACH } from './out-of-reach.ts'

const ATTACKS: readonly Attack[] = [...ON_FILES, ...BY_PROGRAMS, ...ON_NETWORK, ...ON_KERNEL]
/** What an attack leads to may be seen a moment after its program has ended. */
const SETTLE_MS = 30
/** The engine starts our programs, and does things of its own meanwhile. */
const ENGINE = /^(runc|containerd|containerd-shim|dockerd)/

const rules = falcoRules()
const missing =
  (rules === null ? 'the rule files of the Falco project are not beside this checkout' : null) ??
  (spawnSync('gcc', ['--version']).status === 0 ? null : 'no C compiler') ??
  (await dockerMissing()) ??
  (await captureMissing())

describe.skipIf(missing !== null)(`Falco's rules live${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-attack-rules-'))
  const laboratory = new Laboratory()
  const seamark = new RunningSeamark({ args: ['--config', configFile(folder)] })
  /** When each ran, in ms since the epoch. */
  const ran = new Map<Program | Start, { fromMs: number; toMs: number }>()
  const firings = (rule: string, of: Program | Start) => {
    const { fromMs, toMs } = ran.get(of)!
    return seamark.alerts.filter((alert) => {
      const ms = Date.parse(alert.time)
      const isEngine = ENGINE.test(String(alert.output_fields['proc.name']))
      return alert.rule === rule && ms >= fromMs && ms <= toMs && !isEngine
    })
  }

  beforeAll(async () => {
    await laboratory.build(ATTACKS.flatMap(({ attack, twin }) => [...programsOf(attack), ...programsOf(twin)]))
    await seamark.start()
    for (const { attack, twin } of ATTACKS) {
      for (const one of [twin, attack]) {
        const fromMs = Date.now()
        await laboratory.run(one)
        await sleep(SETTLE_MS)
        ran.set(one, { fromMs, toMs: Date.now() })
      }
    }
    const last = ATTACKS.at(-1)!
    await until('the last of them', () => firings(last.rule, last.attack).length > 0, 20_000)
  }, 240_000)
  afterAll(async () => {
    await seamark.remove()
    await laboratory.remove()
    rmSync(folder, { recursive: true })
  })

  test.each(ATTACKS)('$rule', async ({ rule, attack, twin }) => {
    await until(`an alert of ${rule}`, () => firings(rule, attack).length > 0, 3_000)
    expect(firings(rule, twin)).toEqual([])
  })

  test('every rule is attacked, or told why not', () => {
    const attacked = ATTACKS.map(({ rule }) => rule)
    expect(new Set(attacked).size).toBe(attacked.length)
    expect([...attacked, ...Object.keys(OUT_OF_REACH)].sort()).toEqual(ruleNames())
    expect(attacked).toHaveLength(85)
  })
})

function ruleNames(): string[] {
  const texts = readdirSync(rules!).filter((name) => name.endsWith('.yaml'))
  const names = texts.flatMap((name) =>
    [...readFileSync(join(rules!, name), 'utf8').matchAll(/^- rule: (.*?)\s*$/gm)].map(([, rule]) => rule!),
  )
  return [...new Set(names)].sort()
}

/** All three files, with the rules that are off as shipped. */
function configFile(folder: string): string {
  const path = join(folder, 'seamark.yml')
  const files = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml']
  const paths = rules === null ? [] : files.map((name) => join(rules, name))
  writeFileSync(path, stringify({ rules: { builtin: false, paths, select: [{ enable: { rule: '*' } }] } }))
  return path
}

/** Names of the programs that it runs; those of the image are there. */
function programsOf(what: Program | Start): string[] {
  if ('start' in what) return []
  const children = (what.args ?? []).filter((one) => one.startsWith(tool('')))
  const own = what.as.startsWith('/') && what.in !== 'host' ? [] : [what.as]
  return [...own, ...children.map((path) => path.slice(tool('').length))]
}
