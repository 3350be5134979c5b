/** Rules of Falco's that nothing here can trigger, each with the reason. */
export const OUT_OF_REACH: Readonly<Record<string, string>> = {
  'Contact K8S API Server From Container': 'needs a resolver that knows kubernetes.default.svc.cluster.local',
  'Detect outbound connections to common miner pool ports': 'needs a resolver that knows names of miners’ pools',
  'Network Connection outside Local Subnet': 'its list of name spaces is empty as shipped',
  'Launch Disallowed Container': 'its macro of allowed containers allows every container as shipped',
  'Modify Container Entrypoint':
    'looks for links below /proc in fd.name, which here is the file that they lead to and that is written',
  'Debugfs Launched in Privileged Container': 'needs a privileged container, which not every test machine can start',
  'Launch Privileged Container': 'needs a privileged container',
  'Mount Launched in Privileged Container': 'needs a privileged container',
}
