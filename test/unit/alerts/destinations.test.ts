import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { Notification } from '../../../alerts/notify/destination.ts'
import { DEFAULT_FORMAT, type FalcoFormat } from '../../../alerts/notify/falco-format.ts'
import { FileDestination } from '../../../alerts/notify/file.ts'
import { HttpDestination } from '../../../alerts/notify/http.ts'
import { OneByOne } from '../../../alerts/notify/one-by-one.ts'
import { ProgramDestination } from '../../../alerts/notify/program.ts'
import { SyslogDestination } from '../../../alerts/notify/syslog.ts'
import { TerminalDestination } from '../../../alerts/notify/terminal.ts'
import type { Detection } from '../../../core/model/detection.ts'
import { scratchFolder } from '../../support/scratch.ts'

const firing = (alert: string, output = `something in ${alert}`): Notification => ({
  alert: { id: alert, count: 1 },
  detection: {
    id: `${alert}-${output}`,
    rule: 'r',
    ruleset: 'v',
    source: 'syscall',
    priority: 'Notice',
    tags: [],
    hostname: 'h',
    timeNs: '1795353672381655552',
    timeMs: 1795353672381,
    key: [],
    evidence: [],
    output,
    fields: {},
    event: { container: { name: alert } },
    day: '2026-11-22',
    part: 0,
  } satisfies Detection,
})

async function terminal(format: 'line' | FalcoFormat, repeatMs = 50) {
  const out = new PassThrough()
  const lines: string[] = []
  out.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trimEnd().split('\n')))
  const destination = new TerminalDestination({ out, format, colours: false, repeatMs })
  await destination.start()
  onTestFinished(() => destination.stop())
  return { destination, lines }
}

test('the terminal shows the first firing of an alert at once and then how often it came again', async () => {
  const { destination, lines } = await terminal('line')
  await destination.send([firing('noisy'), ...Array.from({ length: 299 }, (_, i) => firing('noisy', `again ${i}`))])
  await destination.send([firing('quiet')])
  expect(lines).toEqual([expect.stringContaining('something in noisy'), expect.stringContaining('something in quiet')])
  await expect.poll(() => lines.length).toBe(3)
  expect(lines[2]).toContain('… 299 more times in noisy')
  await delay(150)
  expect(lines).toHaveLength(3)
  await destination.send([firing('noisy', 'after a while')])
  expect(lines[3]).toContain('after a while')
})

test('what was not told of an alert is told at the end, and JSON has every firing', async () => {
  const people = await terminal('line', 60_000)
  await people.destination.send([firing('a'), firing('a'), firing('a')])
  await people.destination.stop()
  expect(people.lines[1]).toContain('… 2 more times in a')
  const programs = await terminal(DEFAULT_FORMAT)
  await programs.destination.send([firing('a'), firing('a'), firing('a')])
  expect(programs.lines).toHaveLength(3)
})

test('a file that cannot be opened is told of at the start', async () => {
  const directory = scratchFolder('file')
  const missing = new FileDestination({ path: join(directory, 'none/alerts.json'), format: DEFAULT_FORMAT })
  await expect(missing.start()).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
  const path = join(directory, 'alerts.json')
  const file = new FileDestination({ path, format: DEFAULT_FORMAT })
  await file.start()
  await file.send([firing('a')])
  expect(JSON.parse(readFileSync(path, 'utf8')).rule).toBe('r')
})

const signal = new AbortController().signal

test('a program gets a line on its standard input, for each detection anew; what failed comes again, and nothing else', async () => {
  const directory = scratchFolder('program')
  const [got, ready, injected] = [join(directory, 'got'), join(directory, 'ready'), join(directory, 'injected')]
  const command = `read line; case $line in *second*) test -e ${ready} || { echo not yet >&2; exit 3; };; esac; echo "$line" >> ${got}`
  const program = new ProgramDestination({ command, keepAlive: false, format: { ...DEFAULT_FORMAT, kind: 'text' } })
  const all = [firing('a', `first $(touch ${injected})`), firing('a', 'second'), firing('a', 'third')]
  await expect(program.send(all, signal)).rejects.toThrow(/ended with 3: not yet/)
  writeFileSync(ready, '')
  await program.send(all, signal)
  const lines = readFileSync(got, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => line.replace(/^.*Notice /, ''))).toEqual([`first $(touch ${injected})`, 'second', 'third'])
  expect(existsSync(injected)).toBe(false)
})

test('a program whose exit code does not count has what it was given', async () => {
  const directory = scratchFolder('program')
  const command = `cat >> ${join(directory, 'got')}; exit 3`
  const program = new ProgramDestination({ command, keepAlive: false, ignoreExitCode: true, format: DEFAULT_FORMAT })
  await program.send([firing('a', 'first'), firing('b', 'second')], signal)
  expect(readFileSync(join(directory, 'got'), 'utf8').trimEnd().split('\n')).toHaveLength(2)
})

test('a program that hangs is ended with all it started; one that leaves a daemon behind is done', async () => {
  const directory = scratchFolder('program')
  const pidFile = join(directory, 'pid')
  const program = (command: string) =>
    new ProgramDestination({ command, keepAlive: false, format: DEFAULT_FORMAT, timeoutMs: 500 })
  const hung = program(`sleep 600 & echo $! > ${pidFile}; wait`)
  await expect(hung.send([firing('a')], signal)).rejects.toThrow(/did not end in time/)
  const isRunning = () => existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}/exe`)
  await expect.poll(isRunning).toBe(false)
  // It keeps the standard error that it was given open.
  await program(`sleep 600 & echo $! > ${pidFile}`).send([firing('a')], signal)
  expect(isRunning()).toBe(true)
  process.kill(Number(readFileSync(pidFile, 'utf8')))
})

test('a kept program that does not read is ended, and gets nothing twice', async () => {
  const directory = scratchFolder('program')
  const starts = join(directory, 'starts')
  // More than fits into a pipe.
  const large = firing('a', 'x'.repeat(300_000))
  const program = new ProgramDestination({
    command: `echo $$ >> ${starts}; exec sleep 600`,
    keepAlive: true,
    format: DEFAULT_FORMAT,
    timeoutMs: 300,
  })
  for (let i = 0; i < 2; i++) await expect(program.send([large], signal)).rejects.toThrow(/does not read/)
  const pids = readFileSync(starts, 'utf8').trim().split('\n')
  expect(pids).toHaveLength(2)
  await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([])
  await program.send([firing('a')], signal)
  await expect.poll(() => readFileSync(starts, 'utf8').trim().split('\n').length).toBe(3)
  // Its end of input means nothing to it.
  await program.stop()
  const last = readFileSync(starts, 'utf8').trim().split('\n').at(-1)
  await expect.poll(() => existsSync(`/proc/${last}/exe`)).toBe(false)
})

test('of a delivery that comes again piece by piece, only what was not taken is sent again', async () => {
  const sent: string[] = []
  const oneByOne = new OneByOne()
  const all = ['a', 'b', 'c', 'd'].map((output) => firing('x', output))
  const send = (some: Notification[], refuses?: string) =>
    oneByOne.send(some, signal, async ({ detection }) => {
      if (detection.output === refuses) throw new Error('refused')
      sent.push(detection.output)
    })
  await expect(send(all, 'd')).rejects.toThrow('refused')
  for (const one of all) await send([one])
  expect(sent).toEqual(['a', 'b', 'c', 'd'])
})

test('a program that is kept running gets all of them, and one that ended is started again', async () => {
  const directory = scratchFolder('program')
  const got = join(directory, 'got')
  const command = `echo started >> ${got}; while read line; do echo "$line" >> ${got}; case $line in *last*) exit;; esac; done`
  const program = new ProgramDestination({ command, keepAlive: true, format: { ...DEFAULT_FORMAT, kind: 'text' } })
  onTestFinished(() => program.stop())
  const lines = () => (existsSync(got) ? readFileSync(got, 'utf8').trimEnd().split('\n') : [])
  await program.send([firing('a', 'one'), firing('a', 'last')], signal)
  await expect.poll(() => lines().length).toBe(3)
  await expect
    .poll(async () => {
      await program.send([firing('a', `later ${Math.random()}`)], signal).catch(() => {})
      return lines().filter((line) => line === 'started').length
    })
    .toBe(2)
})

test('that no process can be made is a failure of the delivery and of nothing else', () => {
  const script = `
    const { openSync } = await import('node:fs')
    const { ProgramDestination } = await import('${join(import.meta.dirname, '../../../alerts/notify/program.ts')}')
    const notification = ${JSON.stringify(firing('a'))}
    const format = ${JSON.stringify(DEFAULT_FORMAT)}
    const signal = new AbortController().signal
    const said = []
    process.on('uncaughtException', (error) => said.push('uncaught: ' + error))
    try { for (;;) openSync('/dev/null') } catch {}
    for (const keepAlive of [false, true])
      await new ProgramDestination({ command: 'true', keepAlive, format }).send([notification], signal)
        .catch((error) => said.push('rejected: ' + error.code))
    await new Promise((resolve) => setImmediate(resolve))
    console.log(said.join(', '))
  `
  const run = `ulimit -n 64; exec "${process.execPath}" --input-type=module -`
  const { stdout } = spawnSync('/bin/bash', ['-c', run], { input: script, encoding: 'utf8' })
  expect(stdout.trim()).toBe('rejected: EMFILE, rejected: EMFILE')
})

test('a kept program that closes its input is ended, and no other goes on beside it', async () => {
  const directory = scratchFolder('program')
  const starts = join(directory, 'starts')
  const command = `exec 0<&-; echo $$ >> ${starts}; exec sleep 600`
  const program = new ProgramDestination({ command, keepAlive: true, format: DEFAULT_FORMAT })
  onTestFinished(() => program.stop())
  const pids = () => (existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n') : [])
  await expect
    .poll(() =>
      program.send([firing('a')], signal).then(
        () => 'taken',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    )
    .toBe('EPIPE')
  await expect.poll(() => pids().some((pid) => existsSync(`/proc/${pid}/exe`)), { timeout: 10_000 }).toBe(false)
})

test('an address gets one request for each, and what it answers decides what comes again', async () => {
  const got: { type: string | undefined; agent: string | undefined; body: string }[] = []
  const answers = [200, 503, 200, 400, 401]
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = gunzipSync(Buffer.concat(chunks)).toString()
      got.push({ type: request.headers['content-type'], agent: request.headers['user-agent'], body })
      response.writeHead(answers[got.length - 1] ?? 200).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const http = new HttpDestination({
    url: `http://127.0.0.1:${port}/in?x=1`,
    userAgent: 'agent/1',
    compress: true,
    insecure: false,
    format: DEFAULT_FORMAT,
  })
  await http.start()
  onTestFinished(async () => {
    await http.stop()
    server.close()
  })
  const all = [firing('a', 'one'), firing('a', 'two')]
  await expect(http.send(all, signal)).rejects.toMatchObject({ retryable: true })
  await http.send(all, signal)
  expect(got.map(({ type, agent, body }) => [type, agent, /(one|two)/.exec(JSON.parse(body).output)?.[0]])).toEqual([
    ['application/json', 'agent/1', 'one'],
    ['application/json', 'agent/1', 'two'],
    ['application/json', 'agent/1', 'two'],
  ])
  await expect(http.send([firing('b')], signal)).rejects.toMatchObject({ retryable: false })
  // A token that a person mends.
  await expect(http.send([firing('b')], signal)).rejects.toMatchObject({ retryable: true })
  const away = new HttpDestination({
    url: 'http://127.0.0.1:1/',
    userAgent: 'x',
    compress: false,
    insecure: false,
    format: DEFAULT_FORMAT,
  })
  await away.start()
  await expect(away.send([firing('b')], signal)).rejects.toThrow(/ECONNREFUSED/)
})

const syslogNeeds = ['logger', 'perl'].filter((name) => spawnSync('which', [name]).status !== 0)

test.skipIf(syslogNeeds.length > 0)(
  'syslog gets one message for each with its severity; that nobody listens is a failure',
  async () => {
    const directory = scratchFolder('syslog')
    const socket = join(directory, 'log')
    const syslog = new SyslogDestination({ socket, format: { ...DEFAULT_FORMAT, kind: 'text' } })
    await expect(syslog.send([firing('a')], signal)).rejects.toThrow(/No such file/)
    // A datagram socket, as every syslog daemon has it; Node has none.
    const listening = spawn(
      'perl',
      [
        '-MIO::Socket::UNIX',
        '-MSocket',
        '-e',
        '$|=1; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]); print "ready\\n"; while (defined $s->recv(my $m, 65536)) { $m =~ s/\\n//g; print "$m\\n" }',
        socket,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void listening.kill())
    const lines: string[] = []
    createInterface({ input: listening.stdout }).on('line', (line) => lines.push(line))
    await expect.poll(() => lines).toEqual(['ready'])
    await syslog.send([firing('a', 'one\n<0>forged'), firing('a', 'two')], signal)
    await expect.poll(() => lines.length).toBe(3)
    // Facility user (1) and severity notice (5).
    expect(lines[1]).toMatch(/^<13>.*seamark: .*Notice one\\n<0>forged$/)
    expect(lines[2]).toMatch(/^<13>.*Notice two$/)
  },
)
