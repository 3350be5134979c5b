/**
 * Users and roles of Elasticsearch as files (its file realm): there before the server starts for the first time, so
 * that it never runs with a default password and needs nobody to create users in it. Each user may do what its process
 * does and no more; docs/deployment.md has the table.
 * Source: Elasticsearch's guide on the file realm and on security privileges.
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import type { SecretName, Secrets } from './passwords.ts'

interface User {
  secret: SecretName
  roles: readonly string[]
}

export const USERS: Readonly<Record<string, User>> = {
  seamark_indexer: { secret: 'elasticsearch-indexer', roles: ['seamark_indexer'] },
  seamark_api: { secret: 'elasticsearch-api', roles: ['seamark_reader'] },
  seamark_health: { secret: 'elasticsearch-health', roles: ['seamark_health'] },
  // `kibana_system`, `kibana_admin` and `superuser` are Elasticsearch's own.
  seamark_kibana: { secret: 'elasticsearch-kibana', roles: ['kibana_system'] },
  seamark_operator: { secret: 'kibana-operator', roles: ['kibana_admin', 'seamark_reader'] },
  seamark_admin: { secret: 'elasticsearch-admin', roles: ['superuser'] },
}

interface Role {
  cluster: string[]
  indices: { names: string[]; privileges: string[] }[]
}

/** @param prefix how every index begins; see `elasticsearch.prefix`. */
export function roles(prefix: string): Readonly<Record<string, Role>> {
  const names = [`${prefix}-*`]
  return {
    seamark_indexer: {
      // There is no privilege for one template alone.
      cluster: ['manage_index_templates'],
      indices: [
        {
          names,
          privileges: [
            'create_index',
            'index',
            // Retention: day indices as a whole, alerts one by one.
            'delete_index',
            'delete',
            // Retention looks for the alerts that are old, and asks how many bytes each index has.
            'read',
            'monitor',
          ],
        },
      ],
    },
    seamark_reader: { cluster: [], indices: [{ names, privileges: ['read', 'view_index_metadata'] }] },
    seamark_health: { cluster: ['monitor'], indices: [] },
  }
}

export function rolesFile(prefix: string): string {
  return stringify(roles(prefix), { aliasDuplicateObjects: false })
}

/** `role:user,user`, a line for each role. */
export function usersRolesFile(): string {
  const held = new Map<string, string[]>()
  for (const [user, { roles }] of Object.entries(USERS)) {
    for (const role of roles) held.set(role, [...(held.get(role) ?? []), user])
  }
  return [...held].map(([role, users]) => `${role}:${users.join(',')}\n`).join('')
}

/** A line for each user; @param before the file as it is, whose hashes stay where they still fit. */
export function usersFile(secrets: Secrets, before: string): string {
  const known = new Map(before.split('\n').map((line) => [line.split(':', 1)[0], line.slice(line.indexOf(':') + 1)]))
  return Object.entries(USERS)
    .map(([user, { secret }]) => {
      const hash = known.get(user)
      const stays = hash !== undefined && hashFits(hash, secrets[secret])
      return `${user}:${stays ? hash : hashOf(secrets[secret], randomBytes(SALT_BYTES), ITERATIONS)}\n`
    })
    .join('')
}

/** What Elasticsearch itself takes for PBKDF2. */
const ITERATIONS = 10_000
const SALT_BYTES = 32
const HASH_BYTES = 32

function hashOf(password: string, salt: Buffer, iterations: number): string {
  const hash = pbkdf2Sync(password, salt, iterations, HASH_BYTES, 'sha512')
  return `{PBKDF2}${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`
}

function hashFits(hash: string, password: string): boolean {
  const [, iterations, salt] = /^\{PBKDF2\}(\d{1,6})\$([\w+/=]+)\$[\w+/=]+$/.exec(hash) ?? []
  return salt !== undefined && hashOf(password, Buffer.from(salt, 'base64'), Number(iterations)) === hash
}
