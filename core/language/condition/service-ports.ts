/** Well-known service names in place of port numbers (IANA service name registry); the machine's own list is not asked. */
const PORTS: ReadonlyMap<string, number> = new Map([
  ['ftp-data', 20],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['domain', 53],
  ['http', 80],
  ['kerberos', 88],
  ['pop3', 110],
  ['ntp', 123],
  ['imap2', 143],
  ['snmp', 161],
  ['ldap', 389],
  ['https', 443],
  ['syslog', 514],
  ['ldaps', 636],
  ['imaps', 993],
  ['pop3s', 995],
  ['nfs', 2049],
  ['mysql', 3306],
  ['ms-wbt-server', 3389],
  ['postgresql', 5432],
  ['amqp', 5672],
  ['redis', 6379],
])

export function servicePort(name: string): number | undefined {
  return PORTS.get(name)
}
