/** Made-up rules of nine shapes with literals of their own: many rules that are no copies of each other. */

export function generatedRules(count: number): string {
  const shapes = [
    (i: number) =>
      `evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name startswith /srv/app-${i}/secret`,
    (i: number) =>
      `evt.type in (open, openat) and evt.is_open_write = true and fd.directory = /opt/tool-${i}/bin and proc.name != updater-${i}`,
    (i: number) =>
      `evt.type in (execve, execveat) and proc.name = agent-${i} and not proc.pname in (init, starter-${i}, cron)`,
    (i: number) =>
      `evt.type = connect and fd.sip = "198.51.100.${i % 250}" and fd.sport = ${1024 + i} and proc.name != proxy-${i}`,
    (i: number) =>
      `evt.type in (unlink, unlinkat, rename, renameat) and fs.path.name endswith .key-${i} and user.uid != ${i}`,
    (i: number) =>
      `evt.type in (open, openat) and fd.name contains "/vault-${i}/" and container.image.repository = registry/app-${i % 50}`,
    (i: number) =>
      `evt.type in (execve) and proc.cmdline contains "--token-${i}" and proc.aname in (runner-${i}, builder)`,
    (i: number) =>
      `evt.type in (open, openat, creat) and fd.filename in (core-${i}, dump-${i}.bin) and proc.exepath startswith /usr/lib/x${i}`,
    (i: number) => `evt.type in (ptrace, bpf, setns) and proc.tty = ${i} and proc.cwd = /work-${i}`,
  ]
  return Array.from({ length: count }, (_, i) => {
    const condition = JSON.stringify(shapes[i % shapes.length]!(i))
    return `- {rule: generated ${i}, desc: d, condition: ${condition}, output: "%proc.name", priority: notice}\n`
  }).join('')
}
