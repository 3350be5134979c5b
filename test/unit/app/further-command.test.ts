import { expect, test } from 'vitest'
import { noneRuns } from '../../../app/commands/demo.ts'
import { furtherCommand } from '../../../app/embedded/further-command.ts'

test.each([
  ['/var/lib/seamark', 7327, 'bin/seamark doctor'],
  ['/var/lib/seamark/', 7327, 'bin/seamark doctor'],
  ['/var/lib/seamark', 7400, 'bin/seamark doctor --data-dir /var/lib/seamark'],
  ['/srv/seamark', 7327, 'bin/seamark doctor --data-dir /srv/seamark'],
  ["/srv/it's here", 7327, "bin/seamark doctor --data-dir '/srv/it'\\''s here'"],
])('what is told to try next finds the Seamark of %s at port %d', (dataDir, port, command) => {
  expect(furtherCommand('doctor', { dataDir, api: { port } })).toBe(command)
})

test('a demo says where it has looked for a Seamark', () => {
  const said = noneRuns('/srv/seamark', 'http://127.0.0.1:7327')
  expect(said).toContain('--data-dir /srv/seamark')
  expect(said).toContain('http://127.0.0.1:7327')
})
