/** Random conditions in the language's own text, over the values of random batches. */
import { IPS, NAMED, NAMES, PATHS, pick, type Random } from './random-batch.ts'

const TEXT_FIELDS = [
  'proc.name',
  'proc.pname',
  'proc.aname[2]',
  'proc.aname',
  'proc.cmdline',
  'proc.exe',
  'proc.exepath',
  'user.name',
  'fd.name',
  'fd.directory',
  'fd.filename',
  'fd.nameraw',
  'fs.path.name',
  'fs.path.source',
  'fs.path.target',
  'evt.arg.path',
  'evt.arg.name',
  'evt.arg.oldpath',
  'evt.arg.newpath',
  'evt.arg.fd',
  'evt.arg.res',
  'evt.arg[2]',
  'evt.io_dir',
  'evt.category',
  'fd.typechar',
  'evt.res',
  'container.image.repository',
  'container.id',
  'tolower(proc.name)',
  'basename(fd.name)',
  'concat(proc.name, proc.pname)',
]
const NAMED_CALLS = [...NAMED.file, ...NAMED.network, ...NAMED.call]
const NUMBER_FIELDS = [
  'proc.tty',
  'user.uid',
  'proc.vpid',
  'proc.apid',
  'fd.num',
  'evt.rawres',
  'evt.buflen',
  'evt.count.error.file',
  'evt.type.is.read',
  'len(fd.name)',
  'proc.duration',
]
const BOOLEAN_FIELDS = [
  'evt.is_open_write',
  'evt.failed',
  'container.privileged',
  'proc.is_container_runtime',
  'fd.connected',
  'evt.is_io',
  'evt.is_wait',
]
const TEXTS = [
  ...NAMES,
  ...PATHS.map((path) => JSON.stringify(path.replaceAll('\xff', '~'))),
  'SUCCESS',
  'ENOENT',
  'root',
  'host',
  'busybox',
  'p',
  '/',
]
const NUMBERS = ['0', '1', '3', '-1', '34816', '100', '11', '5000000000']
const DOCKER_FIELDS = [
  'event.action',
  'docker.type',
  'container.id',
  'container.image.repository',
  'container.mount.dest[/etc]',
  'k8s.pod.name',
]

export function randomCondition(random: Random, source: 'syscall' | 'docker', depth = 0): string {
  const roll = random()
  if (depth < 4 && roll < 0.55) {
    const parts = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomCondition(random, source, depth + 1))
    return `(${parts.join(random() < 0.5 ? ' and ' : ' or ')})`
  }
  if (depth < 4 && roll < 0.65) return `not ${randomCondition(random, source, 4)}`
  return source === 'docker' ? dockerCheck(random) : syscallCheck(random)
}

function dockerCheck(random: Random): string {
  const field = pick(random, DOCKER_FIELDS)
  return random() < 0.3
    ? `${field} exists`
    : `${field} ${pick(random, ['=', '!='])} ${pick(random, ['start', 'die', 'container', 'host', 'nginx', '/host', 'web'])}`
}

const TEXT_OPERATORS = ['=', '!=', '<', '>=', 'contains', 'icontains', 'startswith', 'endswith', 'glob', 'iglob']
const ORDERS = ['=', '!=', '<', '<=', '>', '>=']
const TIME_FIELDS = ['evt.rawtime', 'evt.rawtime.s', 'proc.pid.ts', 'proc.ppid.ts']
const TIME_VALUES = ['1700000000000000000', '1700000000000000001', '1699999995000000000', '1700000000', '0']
const SINGLE_NUMBERS = ['proc.tty', 'user.uid', 'proc.vpid', 'fd.num', 'proc.duration']

function betweenFields(random: Random): string {
  const roll = random()
  if (roll < 0.7) {
    const right = `val(${pick(random, ['proc.name', 'proc.exe', 'fd.name', 'proc.pname'])})`
    return `${pick(random, TEXT_FIELDS)} ${pick(random, TEXT_OPERATORS)} ${right}`
  }
  if (roll < 0.8) return `${pick(random, TIME_FIELDS)} ${pick(random, ORDERS)} ${pick(random, TIME_VALUES)}`
  const numbers = [...SINGLE_NUMBERS, ...TIME_FIELDS]
  return `${pick(random, numbers)} ${pick(random, ORDERS)} val(${pick(random, numbers)})`
}

function syscallCheck(random: Random): string {
  const list = (values: readonly string[]) =>
    Array.from({ length: Math.floor(random() * 6) }, () => pick(random, values)).join(', ')
  switch (Math.floor(random() * 9)) {
    case 0:
      return `evt.type ${pick(random, ['=', '!='])} ${pick(random, ['openat', 'execve', 'connect', 'dup', ...NAMED_CALLS])}`
    case 1:
      return `evt.type in (open, openat, ${pick(random, ['rename', 'ptrace', 'accept', ...NAMED_CALLS])})`
    case 2:
      return `${pick(random, NUMBER_FIELDS)} ${pick(random, ['=', '!=', '<', '<=', '>', '>='])} ${pick(random, NUMBERS)}`
    case 3:
      return `${pick(random, BOOLEAN_FIELDS)} ${pick(random, ['=', '!='])} ${pick(random, ['true', 'false'])}`
    case 4:
      return `${pick(random, ['fd.ip', 'fd.sip', 'fd.net', 'fd.rnet', 'fd.cip'])} ${pick(random, ['=', '!='])} ${JSON.stringify(pick(random, [...IPS, '10.0.0.0/8', '::/0', '127.0.0.0/8']))}`
    case 5:
      return `${pick(random, ['fd.port', 'fd.sport', 'fd.lport'])} ${pick(random, ['=', '!=', '<', '>='])} ${pick(random, ['80', '443', '100'])}`
    case 6:
      return random() < 0.5
        ? `${pick(random, TEXT_FIELDS)} in (${list(TEXTS)})`
        : `${pick(random, TEXT_FIELDS)} pmatch (${list(['/etc', '/usr/bin', '/', '/home/*/.ssh', '/tmp/'])})`
    case 7:
      return random() < 0.3
        ? `${pick(random, TEXT_FIELDS)} exists`
        : random() < 0.5
          ? betweenFields(random)
          : `${pick(random, TEXT_FIELDS)} ${pick(random, ['contains', 'endswith'])} ${pick(random, ['anyof', 'oneof', 'allof'])} (${list(TEXTS)})`
    default: {
      const operator = pick(random, [
        '=',
        '!=',
        'contains',
        'icontains',
        'startswith',
        'endswith',
        'glob',
        'iglob',
        'regex',
        '<',
      ])
      const value =
        operator === 'regex'
          ? pick(random, ['"s."', '"(ba)?sh"', '"/etc/.*"'])
          : operator.endsWith('glob')
            ? pick(random, ['"*sh"', '"/etc/*"', '"[a-n]*"', '"?h"', '"*/.ssh/*"', '"/h*/.ssh/id?rsa"', '"*etc*ss*"'])
            : pick(random, TEXTS)
      return `${pick(random, TEXT_FIELDS)} ${operator} ${value}`
    }
  }
}
