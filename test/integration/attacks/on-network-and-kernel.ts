/** Attacks whose rules look at connections, and at what is asked of the kernel. */
import { ADDRESSES, type Attack, type Program } from './attack.ts'

const { world, metadata } = ADDRESSES
const inNet = (as: string, ...args: string[]): Program => ({ in: 'net', as, args })
const inPlain = (as: string, ...args: string[]): Program => ({ in: 'plain', as, args })
const talks = (rule: string, attack: [as: string, address: string, port: string], twin: typeof attack): Attack => {
  const [as, ...to] = attack
  const [other, ...elsewhere] = twin
  return { rule, attack: inNet(as, 'talk', ...to), twin: inNet(other, 'talk', ...elsewhere) }
}

const NOBODY = '65534'

export const ON_NETWORK: readonly Attack[] = [
  talks('Disallowed SSH Connection Non Standard Port', ['ssh', world, '443'], ['ssh', world, '22']),
  talks('System procs network activity', ['cat', world, '5001'], ['app', world, '5001']),
  {
    rule: 'Unexpected UDP Traffic',
    attack: inNet('app', 'datagram', world, '5002'),
    twin: inNet('app', 'datagram', world, '53'),
  },
  talks('Contact EC2 Instance Metadata Service From Container', ['app', metadata, '80'], ['app', world, '80']),
  talks('Contact cloud metadata service from container', ['app', metadata, '80'], ['app', world, '80']),
  {
    rule: 'Unexpected inbound connection source',
    attack: inNet('app', 'talk', world, '5005'),
    twin: inNet('app', 'datagram', world, '5005'),
  },
  {
    rule: 'Java Process Class File Download',
    attack: inNet('java', 'receive', 'cafebabe'),
    twin: inNet('java', 'receive', 'cafecafe'),
  },
  talks('Interpreted procs inbound network activity', ['python3', world, '5003'], ['app', world, '5003']),
  talks('Interpreted procs outbound network activity', ['ruby', world, '5004'], ['app', world, '5004']),
  talks('Unexpected K8s NodePort Connection', ['app', world, '30123'], ['app', world, '29999']),
  {
    rule: 'Redirect STDOUT/STDIN to Network Connection in Container',
    attack: inNet('app', 'dup-socket', '1'),
    twin: inNet('app', 'dup-socket', '7'),
  },
]

export const ON_KERNEL: readonly Attack[] = [
  {
    rule: 'Packet socket created in container',
    attack: inPlain('app', 'packet-socket'),
    twin: inPlain('app', 'stream-socket'),
  },
  {
    rule: 'Linux Kernel Module Injection Detected',
    attack: { in: 'admin', as: 'app', args: ['load-module'] },
    twin: inPlain('app', 'load-module'),
  },
  {
    rule: 'PTRACE attached to process',
    attack: inPlain('app', 'trace', 'attach'),
    twin: inPlain('app', 'trace', 'go-on'),
  },
  { rule: 'PTRACE anti-debug attempt', attack: inPlain('app', 'trace-me'), twin: inPlain('app', 'trace', 'attach') },
  { rule: 'Change thread namespace', attack: inPlain('app', 'setns'), twin: inPlain('calico', 'setns') },
  {
    rule: 'Change namespace privileges via unshare',
    attack: inPlain('app', 'unshare'),
    twin: { in: 'admin', as: 'app', args: ['unshare'] },
  },
  {
    rule: 'Non sudo setuid',
    attack: { in: 'host', as: 'app', args: ['setuid', '2'], user: NOBODY },
    twin: { in: 'host', as: 'app', args: ['setuid', NOBODY], user: NOBODY },
  },
  { rule: 'BPF Program Not Profiled', attack: inPlain('app', 'bpf', '5'), twin: inPlain('app', 'bpf', '0') },
  {
    rule: 'Unprivileged Delegation of Page Faults Handling to a Userspace Process',
    attack: { in: 'host', as: 'app', args: ['userfaultfd'], user: NOBODY },
    twin: { in: 'host', as: 'app', args: ['userfaultfd'] },
  },
]
