/** Whether the capture addon loads with this Node; set-up builds one where it does not. */
import { loadAddon } from '../collector/sources/syscalls/addon.ts'

const loaded = loadAddon()
if (loaded.addon === null) {
  process.stderr.write(`${loaded.reason}\n`)
  process.exitCode = 1
}
