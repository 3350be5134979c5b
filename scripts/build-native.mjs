/**
 * Builds the capture addon from source into native/build/seamark.node: one compiler call for the C skeletons, one for
 * the C++ sources, no node-gyp, no downloads. Plain JavaScript, so that any Node from 20 on can run it.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'native/src')
const build = join(root, 'native/build')
const require = createRequire(import.meta.url)
const packageDir = (name) => dirname(require.resolve(`${name}/package.json`))

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) throw new Error(`${command} could not be run: ${error.message}`)
  if (status !== 0) throw new Error(`${command} failed with status ${status}`)
}

mkdirSync(build, { recursive: true })
// Bytes must not depend on where the checkout lies.
const common = ['-O2', '-fPIC', '-Wall', '-Wextra', '-pthread', `-ffile-prefix-map=${root}=.`]
const objects = join(build, 'objects.o')
// The skeletons are generated and not ours to make free of warnings.
run(process.env.CC ?? 'gcc', [
  ...common,
  '-Wno-sign-compare',
  '-Wno-unused-function',
  '-Wno-unused-parameter',
  `-I${join(root, 'native/bpf/include')}`,
  '-c',
  join(source, 'objects.c'),
  '-o',
  objects,
])
const files = readdirSync(source)
  .filter((name) => name.endsWith('.cc'))
  .sort()
  .map((name) => join(source, name))
const unfinished = join(build, `seamark.${process.pid}.node`)
run(process.env.CXX ?? 'g++', [
  ...common,
  '-std=c++17',
  '-shared',
  '-fvisibility=hidden',
  '-fno-exceptions',
  '-DNAPI_VERSION=8',
  // A worker that is being terminated cannot be thrown at; without this the whole process would abort.
  '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
  '-isystem',
  join(packageDir('node-api-headers'), 'include'),
  '-isystem',
  packageDir('node-addon-api'),
  ...files,
  objects,
  '-static-libstdc++',
  '-static-libgcc',
  '-Wl,--build-id=none',
  '-s',
  '-o',
  unfinished,
])
// Renamed into place, so that a process that has the old one loaded keeps it whole.
renameSync(unfinished, join(build, 'seamark.node'))
console.log('built native/build/seamark.node')
