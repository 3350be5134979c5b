/** Rules of Falco's that nothing here can trigger, each with the reason. */
export const OUT_OF_REACH: Readonly<Record<string, string>> = {
  'Contact K8S API Server From Container': 'needs the name of an address (fd.sip.name), which nothing here resolves',
  'Unexpected inbound connection source': 'is refused as long as names of addresses (fd.cip.name) are not resolved',
  'Detect outbound connections to common miner pool ports': 'needs names of addresses (fd.sip.name)',
  'Java Process Class File Download': 'needs what was read (evt.buffer), which is not captured',
  'Network Connection outside Local Subnet': 'its list of name spaces is empty as shipped',
  'Launch Disallowed Container': 'its macro of allowed containers allows every container as shipped',
  'Modify Container Entrypoint':
    'looks for links below /proc in fd.name, which here is the file that they lead to and that is written',
  'Debugfs Launched in Privileged Container': 'needs a privileged container, which not every test machine can start',
  'Launch Privileged Container': 'needs a privileged container',
  'Mount Launched in Privileged Container': 'needs a privileged container',
}
