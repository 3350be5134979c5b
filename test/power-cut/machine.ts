/**
 * The machine whose power is cut: a Debian kernel in qemu (software emulation), with this checkout, a real Redis in the
 * deployment's own configuration, and an ext4 file system on a disk that forgets what was not flushed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { writeServiceFiles } from '../../app/deployment/service-files.ts'
import { fetchKernels } from '../kernels/fetch-kernels.ts'
import { addCheckout, addPackages, addProgram, packInitramfs } from '../support/little-machine.ts'
import { commandLineOf, type Round, type Said, saidIn } from './round.ts'
import { type DiskCut, VolatileDisk } from './volatile-disk.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const KERNEL = '6.1'
const DISK_BYTES = 256 * 1024 * 1024
const REDIS_BYTES = 128 * 1024 * 1024
/** What the file system and the disk need, in the order in which they are loaded. */
const MODULES = [
  ...['lib/crc16', 'crypto/crc32c_generic', 'fs/mbcache', 'fs/jbd2/jbd2', 'fs/ext4/ext4'],
  ...['virtio', 'virtio_ring', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci'].map(
    (name) => `drivers/virtio/${name}`,
  ),
  'drivers/block/virtio_blk',
]
/** The last lines of the console, to explain a failure. */
const KEPT_LINES = 40

export interface Booted {
  /** Takes the power at this instant; what was said before it was said in time. */
  cut(lossProbability: number, random: () => number): Promise<DiskCut>
  /** The console's last lines. */
  console(): string
}

export class Machine {
  private readonly directory = mkdtempSync(join(tmpdir(), 'seamark-power-cut-'))
  private readonly socket = join(this.directory, 'disk.sock')
  private readonly initramfs = join(this.directory, 'initramfs.cpio')
  private readonly disk: VolatileDisk
  private readonly kernel: string
  private qemu: ChildProcess | null = null

  private constructor() {
    const [kernel] = fetchKernels(join(ROOT, 'native/build/kernels'), KERNEL)
    this.kernel = kernel!.image
    this.buildInitramfs(join(kernel!.root, 'lib/modules'))
    this.disk = new VolatileDisk(this.formattedDisk())
  }

  static async build(): Promise<Machine> {
    const machine = new Machine()
    await machine.disk.listen(machine.socket)
    return machine
  }

  boot(round: Round, onSaid: (said: Said) => void): Booted {
    this.disk.powerOn()
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg', '-cpu', 'max', '-m', '1536', '-smp', '2', '-nographic', '-no-reboot', '-nic', 'none'],
        ...['-kernel', this.kernel, '-initrd', this.initramfs],
        ...['-append', `console=ttyS0 quiet loglevel=0 panic=-1 mitigations=off ${commandLineOf(round)}`],
        ...['-blockdev', `driver=nbd,node-name=disk,server.type=unix,server.path=${this.socket}`],
        ...['-device', 'virtio-blk-pci,drive=disk,write-cache=on'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.qemu = qemu
    const lines: string[] = []
    let hasPower = true
    const keep = (line: string) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
    }
    createInterface({ input: qemu.stderr }).on('line', keep)
    createInterface({ input: qemu.stdout }).on('line', (line) => {
      if (!hasPower) return
      const said = saidIn(line)
      if (said === null || said.kind !== 'acknowledged') keep(line)
      if (said !== null) onSaid(said)
    })
    return {
      cut: async (lossProbability, random) => {
        // The disk first: no flush is answered after it, so that nothing is acknowledged which the cut could take.
        const cut = this.disk.cut(lossProbability, random)
        hasPower = false
        await this.kill()
        return cut
      },
      console: () => lines.join('\n'),
    }
  }

  async remove(): Promise<void> {
    await this.kill()
    await this.disk.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  private async kill(): Promise<void> {
    const qemu = this.qemu
    this.qemu = null
    if (qemu === null || qemu.exitCode !== null || qemu.signalCode !== null) return
    const ended = once(qemu, 'exit')
    qemu.kill('SIGKILL')
    await ended
  }

  private buildInitramfs(modules: string): void {
    const root = join(this.directory, 'root')
    for (const program of [process.execPath, '/bin/busybox', '/usr/bin/redis-server', '/usr/sbin/e2fsck'])
      addProgram(root, program)
    addCheckout(root, ['core', 'backends', 'package.json', 'test/chaos/numbered-events.ts', 'test/power-cut'])
    addPackages(root, ['bullmq', 'ioredis'])
    copyFileSync(join(ROOT, 'test/power-cut/init'), join(root, 'init'))
    mkdirSync(join(root, 'modules'))
    const [release] = readdirSync(modules)
    for (const [i, module] of MODULES.entries()) {
      const name = `${String(i).padStart(2, '0')}.ko`
      copyFileSync(join(modules, release!, 'kernel', `${module}.ko`), join(root, 'modules', name))
    }
    this.addRedisConfig(root)
    packInitramfs(root, this.initramfs)
    rmSync(root, { recursive: true })
  }

  /** The one that a deployment's set-up writes. */
  private addRedisConfig(root: string): void {
    const directory = join(this.directory, 'services')
    writeServiceFiles({ directory, prefix: 'seamark', redisMaxBytes: REDIS_BYTES })
    copyFileSync(join(directory, 'redis/redis.conf'), join(root, 'redis.conf'))
    const password = readFileSync(join(directory, 'redis/password'), 'utf8').trim()
    writeFileSync(join(root, 'redis-url'), `redis://:${encodeURIComponent(password)}@127.0.0.1:6379`)
  }

  private formattedDisk(): Buffer {
    const path = join(this.directory, 'disk.img')
    writeFileSync(path, '')
    truncateSync(path, DISK_BYTES)
    execFileSync('mkfs.ext4', ['-q', path])
    const image = readFileSync(path)
    rmSync(path)
    return image
  }
}
