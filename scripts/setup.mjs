/**
 * Makes a checkout ready to run: npm packages, a new enough Node, and the addon. Plain JavaScript that runs on Node 20,
 * because it is what brings Node 24. Silent and quick when there is nothing to do.
 *
 * Usage: node scripts/setup.mjs [--dev]      --dev also installs what tests and builds need
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.seamark-setup')
const wantsDev = process.argv.includes('--dev')

/** What was installed last: the lock file's digest, and whether the development packages came along. */
function installed() {
  if (!existsSync(stampFile)) return { lock: '', dev: false }
  return JSON.parse(readFileSync(stampFile, 'utf8'))
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const before = installed()
  if (before.lock === lock && (before.dev || !wantsDev)) return
  const dev = wantsDev || before.dev
  process.stderr.write(`seamark: installing npm packages${dev ? '' : ' (without development tools)'}, once …\n`)
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(dev ? [] : ['--omit=dev'])]
  const result = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.status !== 0) {
    process.stderr.write('seamark: npm could not install the packages; see above\n')
    process.exit(1)
  }
  writeFileSync(stampFile, JSON.stringify({ lock, dev }))
}

/** The Node that runs Seamark: the packaged one where the machine's is too old. */
function findNode() {
  const packaged = join(modules, '.bin', 'node')
  if (existsSync(packaged)) return packaged
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  process.stderr.write(
    `seamark: Node 24 or newer is needed, this is ${process.version}, and no packaged one came for ` +
      `${process.platform}-${process.arch}. Install Node 24, or run npm without --omit=optional.\n`,
  )
  process.exit(1)
}

/** Tries the addon and builds it where the prebuilt one does not load. Never fails: `seamark doctor` tells the rest. */
function prepareAddon(node) {
  const check = join(root, 'scripts', 'check-addon.ts')
  if (!existsSync(check) || process.platform !== 'linux') return
  if (spawnSync(node, [check], { stdio: 'ignore' }).status === 0) return
  const compiler = spawnSync('g++', ['--version'], { stdio: 'ignore' })
  if (compiler.error) {
    process.stderr.write(
      'seamark: the capture addon does not load and there is no g++ to build it; `bin/seamark doctor` says more\n',
    )
    return
  }
  process.stderr.write('seamark: building the capture addon …\n')
  try {
    execFileSync(process.execPath, [join(root, 'scripts', 'build-native.mjs')], { stdio: ['ignore', 2, 2] })
  } catch {
    process.stderr.write('seamark: the capture addon could not be built; `bin/seamark doctor` says what stays blind\n')
  }
}

installPackages()
prepareAddon(findNode())
