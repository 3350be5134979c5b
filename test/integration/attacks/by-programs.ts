/** Attacks whose rules look at which program runs, from where, as whom, and whose child it is. */
import { type Attack, type Program, tool } from './attack.ts'

const inPlain = (as: string, ...args: string[]): Program => ({ in: 'plain', as, args })
const onHost = (as: string, ...args: string[]): Program => ({ in: 'host', as, args })
/** A program by its name, and one of no name. */
const named = (rule: string, as: string, ...args: string[]): Attack => ({
  rule,
  attack: inPlain(as, ...args),
  twin: inPlain('app', ...args),
})
/** A program as the child of another. */
const child = (rule: string, parent: string, as: string, ...args: string[]): Attack => ({
  rule,
  attack: inPlain(parent, 'spawn', tool(as), ...args),
  twin: inPlain('app', 'spawn', tool(as), ...args),
})

export const BY_PROGRAMS: readonly Attack[] = [
  child('Run shell untrusted', 'nginx', 'sh', '-c', 'true'),
  {
    rule: 'System user interactive',
    attack: { in: 'plain', as: 'sshd', args: ['spawn', tool('app')], user: 'daemon' },
    twin: { in: 'plain', as: 'sshd', args: ['spawn', tool('app')] },
  },
  {
    rule: 'Terminal shell in container',
    attack: { in: 'plain', as: 'sh', args: ['-c', 'true'], terminal: true },
    twin: { in: 'plain', as: 'sh', args: ['-c', 'true'] },
  },
  {
    rule: 'Netcat Remote Code Execution in Container',
    attack: inPlain('nc', '-l', '-e', '/bin/sh'),
    twin: inPlain('nc', '-l'),
  },
  {
    rule: 'Netcat/Socat Remote Code Execution on Host',
    attack: onHost('socat', 'TCP-LISTEN:1', 'EXEC:/bin/sh'),
    twin: onHost('socat', 'TCP-LISTEN:1', '-'),
  },
  {
    rule: 'Search Private Keys or Passwords',
    attack: inPlain('grep', '-r', 'BEGIN RSA PRIVATE', '/tmp'),
    twin: inPlain('grep', '-r', 'BEGIN CERTIFICATE', '/tmp'),
  },
  {
    rule: 'Find AWS Credentials',
    attack: inPlain('find', '/tmp', '-path', '.aws/credentials'),
    twin: inPlain('find', '/tmp', '-path', '.aws/config'),
  },
  named('Remove Bulk Data from Disk', 'shred', '/tmp/none'),
  {
    rule: 'Execution from /dev/shm',
    attack: { in: 'host', as: '/dev/shm/seamark-test-intruder' },
    twin: { in: 'host', as: '/tmp/seamark-test-intruder' },
  },
  {
    rule: 'Drop and execute new binary in container',
    attack: { in: 'plain', as: '/tmp/dropped' },
    twin: inPlain('app'),
  },
  {
    rule: 'Fileless execution via memfd_create',
    // Not as runc's child, which the rule leaves alone.
    attack: inPlain('app', 'spawn', tool('app'), 'run-from-memory'),
    // Under the name of what runc itself runs from memory.
    twin: inPlain('app', 'spawn', tool('app'), 'run-from-memory', 'runc_cloned:/proc/self/exe'),
  },
  child('DB program spawned process', 'mysqld', 'app'),
  {
    rule: 'Program run with disallowed http proxy env',
    attack: { in: 'plain', as: 'curl', env: ['HTTP_PROXY=http://10.0.0.1'] },
    twin: { in: 'plain', as: 'curl', env: ['NO_PROXY=*'] },
  },
  {
    rule: 'Potential Local Privilege Escalation via Environment Variables Misuse',
    attack: { in: 'plain', as: 'app', env: ['GLIBC_TUNABLES=glibc.malloc.mxfast=A'] },
    twin: { in: 'plain', as: 'app', env: ['GLIBC_OTHER=glibc.malloc.mxfast=A'] },
  },
  { rule: 'User mgmt binaries', attack: onHost('useradd', 'nobody-real'), twin: onHost('app', 'nobody-real') },
  named('Launch Package Management Process in Container', 'apk', 'add', 'nothing'),
  named('Launch Suspicious Network Tool in Container', 'nmap', 'localhost'),
  {
    rule: 'Launch Suspicious Network Tool on Host',
    attack: onHost('nmap', 'localhost'),
    twin: inPlain('nmap', 'localhost'),
  },
  named('Launch Remote File Copy Tools in Container', 'rsync', '/tmp/a', '/tmp/b'),
  named('Launch Ingress Remote File Copy Tools in Container', 'wget', 'http://nowhere.invalid/'),
  {
    rule: 'Detect crypto miners using the Stratum protocol',
    attack: inPlain('app', '-o', 'stratum+tcp://nowhere.invalid'),
    twin: inPlain('app', '-o', 'https://nowhere.invalid'),
  },
  named('Known Cryptominer Process Executed', 'xmrig'),
  named('Kubernetes Client Tool Launched in Container', 'kubectl', 'get', 'pods'),
  {
    rule: 'Sudo Potential Privilege Escalation',
    attack: onHost('sudoedit', '-s', 'x\\'),
    twin: onHost('sudoedit', '-s', 'x'),
  },
  {
    rule: 'Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)',
    attack: onHost('pkexec'),
    twin: onHost('pkexec', '--version'),
  },
  {
    rule: 'Decoding Payload in Container',
    attack: inPlain('base64', '--decode', '/tmp/none'),
    twin: inPlain('base64', '/tmp/none'),
  },
  {
    rule: 'Basic Interactive Reconnaissance',
    attack: { in: 'plain', as: 'whoami', terminal: true },
    twin: { in: 'plain', as: 'whoami' },
  },
  child('Network Tool Executed During NPM Package Install', 'npm', 'nmap', 'localhost'),
  child('Web Server Spawned Shell', 'nginx', 'sh', '-c', 'true'),
  child('Web Server Spawned Suspicious Child Process', 'nginx', 'whoami'),
  child('Reverse Shell from Web Server', 'httpd', 'app', '/dev/tcp/198.51.100.7/1'),
  { rule: 'Launch Excessively Capable Container', attack: { start: { CapAdd: ['SYS_ADMIN'] } }, twin: { start: {} } },
  {
    rule: 'Launch Sensitive Mount Container',
    attack: { start: { Binds: ['/etc:/host-etc'] } },
    // Another mount would not do: as written the rule takes a mount that is not there for one that is.
    twin: inPlain('app'),
  },
  { rule: 'Container Run as Root User', attack: { start: {} }, twin: { start: {}, user: '65534' } },
]
