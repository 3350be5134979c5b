/** The OpenAPI 3.1 description, written from the schemas of the registered routes, so that it cannot say anything else. */
import { ProblemSchema } from './schemas/problem.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** One line for people. */
    summary?: string
    /** Content types of the answer, where it is not JSON. */
    produces?: readonly string[]
  }
}

export interface RouteDescription {
  method: string
  url: string
  schema: {
    summary?: string
    querystring?: unknown
    params?: unknown
    response?: Readonly<Record<string, unknown>>
    produces?: readonly string[]
  }
}

interface ObjectSchema {
  properties?: Record<string, { description?: string }>
  required?: readonly string[]
}

export function describeApi(version: string, routes: readonly RouteDescription[]) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Seamark', version, description: 'Alerts, searchable history and live tail of container security.' },
    paths,
    components: { schemas: { Problem: ProblemSchema } },
  }
}

function operation({ schema }: RouteDescription) {
  const type = schema.produces?.[0] ?? 'application/json'
  const answer = schema.response?.['200']
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return {
    summary: schema.summary ?? '',
    parameters: [...parameters('path', schema.params), ...parameters('query', schema.querystring)],
    responses: {
      200: { description: 'As asked.', content: { [type]: answer === undefined ? {} : { schema: answer } } },
      default: { description: 'What went wrong.', content: problem },
    },
  }
}

function parameters(place: 'path' | 'query', schema: unknown) {
  const { properties = {}, required = [] } = (schema ?? {}) as ObjectSchema
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    // A parameter with a default may be left out, though what is read from it is always there.
    required: place === 'path' || (required.includes(name) && !('default' in rest)),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }))
}
