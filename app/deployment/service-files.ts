/**
 * What each service of a deployment reads at its start: its own secrets and, for servers that are not ours, its whole
 * configuration. One directory for each service, so that each can be given its own and no other.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { rolesFile, usersFile, usersRolesFile } from './elasticsearch-users.ts'
import { openSecrets, type Secrets } from './passwords.ts'
import { writeSafely } from './write-safely.ts'

/** Readable by the owner and by the group that a service's container is given. */
const SHARED = 0o440

export interface ServiceFilesOptions {
  /** Holds `state`, which is nobody's but the set-up's, and a directory for each service. */
  directory: string
  /** How every index begins. */
  prefix: string
  /** Bytes of memory for Redis; what is more it refuses. */
  redisMaxBytes: number
}

/** May be repeated: what is there and fits stays as it is. Throws AppError. */
export function writeServiceFiles({ directory, prefix, redisMaxBytes }: ServiceFilesOptions): void {
  const secrets = openSecrets(join(directory, 'state'))
  const write = (path: string, text: string) => writeSafely(join(directory, path), text, SHARED)
  const secret = (path: string, name: keyof Secrets) => write(path, `${secrets[name]}\n`)

  write('redis/redis.conf', redisConf(secrets, redisMaxBytes))
  secret('redis/password', 'redis')

  write('elasticsearch/elasticsearch.yml', ELASTICSEARCH_YML)
  write('elasticsearch/roles.yml', rolesFile(prefix))
  write('elasticsearch/users_roles', usersRolesFile())
  write('elasticsearch/users', usersFile(secrets, readOr(join(directory, 'elasticsearch/users'), '')))
  write('elasticsearch/health-request', healthRequest(secrets))

  secret('ingest/redis-password', 'redis')
  secret('analyzer/redis-password', 'redis')
  secret('analyzer/elasticsearch-password', 'elasticsearch-indexer')
  secret('api/redis-password', 'redis')
  secret('api/elasticsearch-password', 'elasticsearch-api')
  write('kibana/kibana.yml', kibanaYml(secrets))
  secret('kibana-import/password', 'kibana-operator')
}

/**
 * 2xx must mean on disk: every write is synced, and nothing is thrown away to make room. What passes through makes the
 * file grow quickly and is compressed already, so it is rewritten seldom and as it is.
 */
function redisConf(secrets: Secrets, maxBytes: number): string {
  return [
    'bind * -::*',
    'dir /data',
    'appendonly yes',
    'appendfsync always',
    'auto-aof-rewrite-min-size 256mb',
    'rdbcompression no',
    'save ""',
    `maxmemory ${maxBytes}`,
    'maxmemory-policy noeviction',
    `requirepass ${secrets.redis}`,
    '',
  ].join('\n')
}

/** One node, in a network that only the deployment's own services are in; hence without TLS. */
const ELASTICSEARCH_YML = stringify({
  'cluster.name': 'seamark',
  'discovery.type': 'single-node',
  'network.host': '0.0.0.0',
  'xpack.security.enabled': true,
  'xpack.security.autoconfiguration.enabled': false,
  'xpack.security.http.ssl.enabled': false,
  'xpack.security.transport.ssl.enabled': false,
  'xpack.security.authc.realms.file.seamark.order': 0,
})

/** Sent by the health check as it is: a password must not stand among its arguments, where every process sees it. */
function healthRequest(secrets: Secrets): string {
  const credentials = Buffer.from(`seamark_health:${secrets['elasticsearch-health']}`).toString('base64')
  const path = '/_cluster/health?wait_for_status=yellow&timeout=3s'
  return `GET ${path} HTTP/1.0\r\nauthorization: Basic ${credentials}\r\n\r\n`
}

function kibanaYml(secrets: Secrets): string {
  return stringify({
    'server.host': '0.0.0.0',
    'server.publicBaseUrl': 'http://127.0.0.1:5601',
    'elasticsearch.hosts': ['http://elasticsearch:9200'],
    'elasticsearch.username': 'seamark_kibana',
    'elasticsearch.password': secrets['elasticsearch-kibana'],
    'xpack.encryptedSavedObjects.encryptionKey': secrets['kibana-encryption-key'],
    'xpack.security.encryptionKey': secrets['kibana-encryption-key'],
    'telemetry.optIn': false,
  })
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
