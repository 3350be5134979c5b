/** Attacks whose rules look at what is done to which file. */
import type { Attack, Program } from './attack.ts'

const inPlain = (as: string, ...args: string[]): Program => ({ in: 'plain', as, args })
/** The same program and verb on two paths. */
const paths = (rule: string, verb: string, path: string, other: string): Attack => ({
  rule,
  attack: inPlain('app', verb, path),
  twin: inPlain('app', verb, other),
})

export const ON_FILES: readonly Attack[] = [
  paths('Directory traversal monitored file read', 'read', '/etc/../etc/../etc/hosts', '/etc/hosts'),
  {
    rule: 'Read sensitive file trusted after startup',
    attack: inPlain('nginx', 'after', '6', 'read', '/etc/shadow'),
    twin: inPlain('nginx', 'read', '/etc/shadow'),
  },
  {
    rule: 'Read sensitive file untrusted',
    attack: inPlain('app', 'read', '/etc/shadow'),
    twin: inPlain('passwd', 'read', '/etc/shadow'),
  },
  {
    rule: 'Clear Log Activities',
    attack: inPlain('app', 'truncate', '/var/log/syslog'),
    twin: inPlain('app', 'append', '/var/log/syslog'),
  },
  {
    rule: 'Create Symlink Over Sensitive Files',
    attack: inPlain('app', 'symlink', '/etc/shadow', '/tmp/soft'),
    twin: inPlain('app', 'symlink', '/etc/hosts', '/tmp/soft2'),
  },
  {
    rule: 'Create Hardlink Over Sensitive Files',
    attack: inPlain('app', 'link', '/etc/shadow', '/etc/hard'),
    twin: inPlain('app', 'link', '/etc/group', '/etc/hard2'),
  },
  {
    rule: 'Detect release_agent File Container Escapes',
    attack: { in: 'admin', as: 'app', args: ['write', '/tmp/release_agent'] },
    twin: inPlain('app', 'write', '/tmp/release_agent'),
  },
  paths('Modify Shell Configuration File', 'write', '/root/.bashrc', '/root/.bash_other'),
  paths('Read Shell Configuration File', 'read', '/root/.bashrc', '/root/.bash_other'),
  paths('Schedule Cron Jobs', 'write', '/etc/cron.d/job', '/etc/other.d/job'),
  paths('Read ssh information', 'read', '/root/.ssh/id', '/root/ssh/id'),
  paths('Adding ssh keys to authorized_keys', 'write', '/root/.ssh/authorized_keys', '/root/.ssh/config'),
  paths('Create files below dev', 'write', '/dev/evil', '/tmp/evil'),
  paths('Delete or rename shell history', 'unlink', '/root/.bash_history', '/root/.bash_other'),
  {
    rule: 'Set Setuid or Setgid bit',
    attack: inPlain('app', 'chmod', '4755', '/tmp/mode'),
    twin: inPlain('app', 'chmod', '0755', '/tmp/mode'),
  },
  {
    rule: 'Container Drift Detected (chmod)',
    attack: inPlain('app', 'chmod', '0700', '/tmp/mode'),
    twin: inPlain('app', 'chmod', '0600', '/tmp/mode'),
  },
  {
    rule: 'Container Drift Detected (open+create)',
    attack: inPlain('app', 'create-program', '/tmp/program'),
    twin: inPlain('app', 'write', '/tmp/data'),
  },
  paths('Read environment variable from /proc files', 'read', '/proc/1/environ', '/proc/1/status'),
  {
    rule: 'Exfiltrating Artifacts via Kubernetes Control Plane',
    attack: inPlain('tar', 'read', '/tmp/mode'),
    twin: inPlain('app', 'spawn', '/tools/tar', 'read', '/tmp/mode'),
  },
  {
    rule: 'Backdoored library loaded into SSHD (CVE-2024-3094)',
    attack: inPlain('sshd', 'read', '/lib/liblzma.so.5.6.1'),
    twin: inPlain('sshd', 'read', '/lib/liblzma.so.5.4.1'),
  },
  paths('Update Package Repository', 'write', '/etc/apt/sources.list.d/mine.list', '/etc/other.d/mine.list'),
  paths('Write below binary dir', 'write', '/bin/evil', '/var/evil'),
  paths('Write below monitored dir', 'write', '/lib/evil', '/var/evil'),
  paths('Write below etc', 'write', '/etc/evil', '/var/evil'),
  paths('Write below root', 'write', '/evil', '/var/evil'),
  paths('Write below rpm database', 'write', '/var/lib/rpm/Packages', '/var/lib/other/Packages'),
  paths('Modify binary dirs', 'unlink', '/bin/evil', '/var/evil'),
  paths('Mkdir binary dirs', 'mkdir', '/bin/folder', '/var/folder'),
  paths('Create Hidden Files or Directories', 'write', '/tmp/.hidden', '/tmp/seen'),
  paths('Privileged Container Device Access', 'write', '/dev/sdz', '/tmp/sdz'),
  paths('Container Access to Host Sensitive Paths', 'read', '/host/secret', '/tmp/mode'),
]
