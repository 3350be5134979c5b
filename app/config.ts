/**
 * The configuration of the program: one section per stage. docs/reference/config.md is generated from this schema.
 */
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import Type, { type Static } from 'typebox'
import { DEFAULT_FORMAT, JSON_PARTS } from '../alerts/notify/falco-format.ts'
import { EVENT_TYPES, type EventTypeName } from '../core/fields/event-types.ts'
import { eventNameMistake } from '../core/language/event-name-mistake.ts'
import { AppError } from '../core/model/errors.ts'
import { PRIORITIES } from '../core/model/event.ts'
import { type CamelKeys, type ExplainValue, loadConfig } from '../core/runtime/config.ts'
import { LOG_LEVELS } from '../core/runtime/logging.ts'
import { formatProblems } from '../core/runtime/problem-text.ts'

const section = <P extends Record<string, Type.TSchema>>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description })

/** A section that is not there unless somebody writes it. */
const optional = <P extends Record<string, Type.TSchema>>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, description })

const oneOf = <T extends string>(values: readonly T[], options: { default: NoInfer<T>; description: string }) =>
  Type.Enum([...values] as T[], options)

/** What is kept without any rule asking for it: the skeleton of what happened on a host. */
export const DEFAULT_KEEP: readonly EventTypeName[] = [
  'execve',
  'execveat',
  'procexit',
  'connect',
  'accept',
  'accept4',
  'listen',
  'docker',
  'health',
  'command',
]

export const DEFAULT_DATA_DIR = '/var/lib/seamark'
/** Of the API. */
export const DEFAULT_PORT = 7327

const RuleSelector = Type.Object(
  { rule: Type.Optional(Type.String({ minLength: 1 })), tag: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
)

const OutputAppend = Type.Object(
  {
    match: Type.Optional(
      Type.Object(
        {
          source: Type.Optional(Type.String()),
          rule: Type.Optional(Type.String()),
          tags: Type.Optional(Type.Array(Type.String())),
        },
        { additionalProperties: false },
      ),
    ),
    extra_output: Type.Optional(Type.String({ minLength: 1 })),
    extra_fields: Type.Optional(
      Type.Array(
        Type.Union([
          Type.String({ minLength: 1 }),
          Type.Object(
            { name: Type.String({ minLength: 1 }), format: Type.String({ minLength: 1 }) },
            { additionalProperties: false },
          ),
        ]),
      ),
    ),
    suggested_output: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1 },
)

export const ConfigSchema = Type.Object(
  {
    data_dir: Type.String({ default: DEFAULT_DATA_DIR, description: 'Where queue, store and cursors live.' }),
    collector: section('The part that runs on a host.', {
      id: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 128,
          description: 'Name of this host in every event; default: FALCO_HOSTNAME, or its hostname.',
        }),
      ),
    }),
    capture: section('System calls.', {
      enabled: Type.Boolean({ default: true, description: 'Whether system calls are captured.' }),
      scope: oneOf(['all', 'containers'], {
        default: 'all',
        description: 'containers: leave out the host, but for its execs.',
      }),
      ring_bytes: Type.Integer({
        default: 64 * 1024 * 1024,
        minimum: 256 * 1024,
        maximum: 1024 * 1024 * 1024,
        description: 'Ring for file, network and other calls.',
      }),
      process_ring_bytes: Type.Integer({
        default: 16 * 1024 * 1024,
        minimum: 256 * 1024,
        maximum: 1024 * 1024 * 1024,
        description: 'Ring for process, cgroup and connect events.',
      }),
    }),
    docker: section('The Docker Engine API.', {
      enabled: Type.Boolean({ default: true, description: 'Whether Docker events are read.' }),
      socket: Type.String({ default: '/var/run/docker.sock', description: "Path of the engine's socket." }),
    }),
    rules: section('Detection rules.', {
      builtin: Type.Boolean({ default: true, description: 'Whether the shipped rules are loaded.' }),
      paths: Type.Array(Type.String(), { default: [], description: 'Further rule files and folders, in order.' }),
      select: Type.Array(
        Type.Object(
          {
            enable: Type.Optional(RuleSelector),
            disable: Type.Optional(RuleSelector),
          },
          { additionalProperties: false },
        ),
        { default: [], description: 'Switches rules on and off by name (with `*`) or tag, one entry after the other.' },
      ),
      least_priority: oneOf([...PRIORITIES], {
        default: 'Debug',
        description: 'Rules that are less severe are off.',
      }),
      append_output: Type.Array(OutputAppend, {
        default: [],
        description:
          'What is added to the outputs of rules, as in Falco: `extra_output` to the text, `extra_fields` to ' +
          '`output_fields`, `suggested_output` container and pod; `match` (source, rule, tags) narrows it.',
      }),
      matching: oneOf(['all', 'first'], {
        default: 'all',
        description: 'first: only the first rule that matches an event fires, as Falco does by default.',
      }),
    }),
    queue: section('The durable queue between stages.', {
      max_bytes: Type.Integer({ default: 1024 ** 3, minimum: 1024 ** 2, description: 'Bound of each topic in bytes.' }),
    }),
    store: section('What is kept to be searched.', {
      keep: Type.Array(Type.Enum(Object.keys(EVENT_TYPES) as EventTypeName[]), {
        default: [...DEFAULT_KEEP],
        description: 'Event types kept even when no rule matches.',
      }),
      retention_days: Type.Integer({
        default: 14,
        minimum: 1,
        maximum: 3650,
        description: 'Whole days that are kept.',
      }),
      max_bytes: Type.Integer({
        default: 10 * 1024 ** 3,
        minimum: 16 * 1024 ** 2,
        description: 'Bound of the store in bytes; the oldest part goes first.',
      }),
      part_bytes: Type.Integer({
        default: 512 * 1024 ** 2,
        minimum: 1024 ** 2,
        maximum: 64 * 1024 ** 3,
        description: 'Size in bytes at which a day goes on in another part, the unit that max_bytes removes.',
      }),
    }),
    api: section('The REST API.', {
      host: Type.String({
        default: '127.0.0.1',
        description:
          'Address to listen on. The API has no log-in yet: at any other than a loopback address, whoever reaches the port reads everything, and Seamark warns of it at start.',
      }),
      port: Type.Integer({
        default: DEFAULT_PORT,
        minimum: 0,
        maximum: 65535,
        description: 'Port to listen on; 0 takes a free one.',
      }),
      allowed_hosts: Type.Array(Type.String(), { default: [], description: 'Further names a Host header may carry.' }),
    }),
    notify: section('Where detections are sent.', {
      terminal: Type.Boolean({ default: true, description: 'Print detections on standard output.' }),
      format: oneOf(['json', 'text'], {
        default: 'json',
        description: "What file, program, http and syslog get: Falco's JSON object, or its line of text.",
      }),
      json_parts: Type.Array(Type.Enum([...JSON_PARTS]), {
        default: [...DEFAULT_FORMAT.jsonParts],
        description: 'Parts of that object besides those that it always has.',
      }),
      iso8601_times: Type.Boolean({
        default: false,
        description: 'Times in that text in UTC as ISO 8601, instead of the local time of day.',
      }),
      file: Type.Optional(Type.String({ minLength: 1, description: 'Append detections to this file, one a line.' })),
      syslog: Type.Boolean({ default: false, description: "Hand detections to this machine's syslog." }),
      program: Type.Optional(
        optional('A program that gets detections on its standard input.', {
          command: Type.String({ minLength: 1, description: 'For `sh -c`; started for every detection.' }),
          keep_alive: Type.Boolean({ default: false, description: 'Started once, for all of them.' }),
          ignore_exit_code: Type.Boolean({
            default: false,
            description:
              'Whatever it ends with, it has the detection; else one that ends with another code than 0 gets it again.',
          }),
        }),
      ),
      http: Type.Optional(
        optional('An address that detections are posted to.', {
          url: Type.String({ pattern: '^https?://', description: 'Each is a request of its own.' }),
          user_agent: Type.String({ default: 'seamark', minLength: 1, description: 'Header of these requests.' }),
          compress: Type.Boolean({ default: false, description: 'gzip.' }),
          insecure: Type.Boolean({ default: false, description: 'Take any certificate of the server.' }),
          ca_file: Type.Optional(Type.String({ description: 'Certificate of the authority that signed the server.' })),
          certificate_file: Type.Optional(Type.String({ description: 'Certificate (PEM) that the server is shown.' })),
          key_file: Type.Optional(Type.String({ description: 'Private key (PEM) of that certificate.' })),
        }),
      ),
    }),
    redis: section('Redis, which joins the processes of a deployment; without it everything runs in one process.', {
      url: Type.Optional(
        Type.String({ minLength: 1, description: 'Such as `redis://127.0.0.1:6379/0`; `rediss://` for TLS.' }),
      ),
      password_file: Type.Optional(
        Type.String({ description: 'File with the password, instead of one in the address.' }),
      ),
      prefix: Type.String({ default: '{seamark}', minLength: 1, description: 'Beginning of every key.' }),
      lease_seconds: Type.Integer({
        default: 30,
        minimum: 5,
        maximum: 600,
        description: 'What an analyzer that died was working on goes to another after so long.',
      }),
    }),
    elasticsearch: section('Elasticsearch, where a deployment stores what is searched.', {
      url: Type.Optional(Type.String({ minLength: 1, description: 'Such as `https://127.0.0.1:9200`.' })),
      username: Type.Optional(Type.String({ description: 'User of the roles that docs/deployment.md names.' })),
      password_file: Type.Optional(Type.String({ description: 'File with the password of that user.' })),
      ca_file: Type.Optional(Type.String({ description: 'Certificate of the authority that signed the server.' })),
      prefix: Type.String({ default: 'seamark', minLength: 1, description: 'Beginning of the name of every index.' }),
    }),
    ingest: section('Where the hosts of a deployment send what they see.', {
      host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
      port: Type.Integer({
        default: 7328,
        minimum: 0,
        maximum: 65535,
        description: 'Port to listen on; 0 takes a free one.',
      }),
      certificate_file: Type.Optional(Type.String({ description: 'Certificate (PEM) for HTTPS; needs key_file.' })),
      key_file: Type.Optional(Type.String({ description: 'Private key (PEM) for HTTPS.' })),
    }),
    central: section('For a host: the deployment it belongs to.', {
      url: Type.Optional(
        Type.String({ minLength: 1, description: 'Address of ingest, such as `https://seamark.example:7328`.' }),
      ),
      token_file: Type.Optional(Type.String({ description: 'File with the enrolment token; needed once.' })),
      ca_file: Type.Optional(Type.String({ description: "Certificate of the authority that signed ingest's." })),
    }),
    health: section('Health and metrics of processes that have no API of their own.', {
      host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
      port: Type.Integer({
        default: 7329,
        minimum: 0,
        maximum: 65535,
        description: 'Port to listen on; 0 takes a free one.',
      }),
    }),
    log: section("Seamark's own log, on standard error.", {
      level: oneOf(LOG_LEVELS, { default: 'warn', description: 'Least severe level that is written.' }),
    }),
    shutdown: section('Stopping.', {
      deadline_ms: Type.Integer({
        default: 10_000,
        minimum: 100,
        maximum: 300_000,
        description: 'How long SIGTERM may take to drain.',
      }),
    }),
  },
  { additionalProperties: false },
)

export type Config = CamelKeys<Static<typeof ConfigSchema>>

/** Environment variables and the keys they set; they win over the file. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  SEAMARK_DATA_DIR: 'data_dir',
  SEAMARK_COLLECTOR_ID: 'collector.id',
  SEAMARK_API_HOST: 'api.host',
  SEAMARK_API_PORT: 'api.port',
  SEAMARK_DOCKER_SOCKET: 'docker.socket',
  SEAMARK_LOG_LEVEL: 'log.level',
  SEAMARK_QUEUE_MAX_BYTES: 'queue.max_bytes',
  SEAMARK_REDIS_URL: 'redis.url',
  SEAMARK_REDIS_PASSWORD_FILE: 'redis.password_file',
  SEAMARK_ELASTICSEARCH_URL: 'elasticsearch.url',
  SEAMARK_ELASTICSEARCH_USERNAME: 'elasticsearch.username',
  SEAMARK_ELASTICSEARCH_PASSWORD_FILE: 'elasticsearch.password_file',
  SEAMARK_REDIS_LEASE_SECONDS: 'redis.lease_seconds',
  SEAMARK_ELASTICSEARCH_CA_FILE: 'elasticsearch.ca_file',
  SEAMARK_INGEST_HOST: 'ingest.host',
  SEAMARK_INGEST_PORT: 'ingest.port',
  SEAMARK_INGEST_CERTIFICATE_FILE: 'ingest.certificate_file',
  SEAMARK_INGEST_KEY_FILE: 'ingest.key_file',
  SEAMARK_CENTRAL_URL: 'central.url',
  SEAMARK_CENTRAL_TOKEN_FILE: 'central.token_file',
  SEAMARK_CENTRAL_CA_FILE: 'central.ca_file',
  SEAMARK_HEALTH_HOST: 'health.host',
  SEAMARK_HEALTH_PORT: 'health.port',
}

const DEFAULT_FILE = '/etc/seamark/seamark.yml'

/** Throws AppError E_CONFIG_INVALID with every problem in its message. */
export function readConfig(file: string | undefined, env: NodeJS.ProcessEnv = process.env): Config {
  const chosen = file ?? env.SEAMARK_CONFIG ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  let text = ''
  try {
    if (chosen !== undefined) text = readFileSync(chosen, 'utf8')
  } catch (cause) {
    throw new AppError('E_CONFIG_INVALID', `The configuration ${chosen} cannot be read`, { cause })
  }
  const environment = new Map<string, string>()
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = env[variable]
    if (value !== undefined && value !== '') environment.set(path, value)
  }
  const { config, problems } = loadConfig<Config>(
    ConfigSchema,
    { file: chosen ?? '(environment)', text },
    environment,
    explainValue,
  )
  if (config === null) throw new AppError('E_CONFIG_INVALID', formatProblems(problems))
  return config
}

const explainValue: ExplainValue = (key, value) => (key === 'store.keep' ? eventNameMistake(value) : null)

/** As in Falco, FALCO_HOSTNAME names a host that runs in a container, whose own name says nothing. */
export function collectorId(config: Config, env: NodeJS.ProcessEnv = process.env): string {
  return config.collector.id ?? (env.FALCO_HOSTNAME || hostname())
}
