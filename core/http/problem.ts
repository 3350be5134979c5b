/**
 * Every error of the API is a problem document (RFC 9457) with a stable code. What the world did wrong is an `AppError`
 * of a port; what the client did wrong is an `ApiProblem`.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError, ERROR_CODES, type ErrorCode } from '../model/errors.ts'

/** One mistake in a request: which parameter, and for text where in it (from 0, UTF-16 units). */
export interface FieldError {
  field: string
  message: string
  position?: number
  hint?: string
}

export interface ProblemDocument {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  errors?: FieldError[]
}

export class ApiProblem extends Error {
  readonly status: number
  readonly code: ErrorCode
  readonly errors: readonly FieldError[]

  constructor(status: number, code: ErrorCode, detail: string, errors: readonly FieldError[] = []) {
    super(detail)
    this.name = 'ApiProblem'
    this.status = status
    this.code = code
    this.errors = errors
  }
}

export function problemDocument(status: number, code: ErrorCode, detail: string, errors: readonly FieldError[] = []) {
  const document: ProblemDocument = {
    type: `urn:seamark:problem:${code}`,
    title: ERROR_CODES[code],
    status,
    code,
    detail,
  }
  if (errors.length > 0) document.errors = [...errors]
  return document
}

export function sendProblem(reply: FastifyReply, problem: ProblemDocument): FastifyReply {
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

/** Turns whatever was thrown into a problem document; what nobody expected is logged and not shown. */
export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error as FastifyError)
  // A problem that we raised ourselves is told by its answer and its metric.
  if (problem.status >= 500 && !(error instanceof ApiProblem)) request.log.error({ err: error }, 'A request failed')
  if (problem.status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', '1')
  return sendProblem(reply, problem)
}

function problemOf(error: FastifyError | AppError | ApiProblem): ProblemDocument {
  if (error instanceof ApiProblem) return problemDocument(error.status, error.code, error.message, error.errors)
  if (error instanceof AppError) {
    if (error.code === 'E_STORE_CURSOR') {
      return problemDocument(400, error.code, error.message, [{ field: 'cursor', message: error.message }])
    }
    if (error.code === 'E_STORE_QUERY' && !error.retryable) return problemDocument(422, error.code, error.message)
    return problemDocument(error.retryable ? 503 : 500, error.code, error.message)
  }
  if (error.validation !== undefined) {
    const errors = error.validation.map(({ instancePath, message, params, keyword }) => {
      const unknown = keyword === 'additionalProperties' ? String(params.additionalProperty) : undefined
      const missing = keyword === 'required' ? String(params.missingProperty) : undefined
      const field = unknown ?? missing ?? instancePath.slice(1)
      return {
        field,
        message: unknown === undefined ? (message ?? 'is not valid') : 'is not a parameter of this address',
      }
    })
    return problemDocument(400, 'E_API_REQUEST', errors.map((e) => `${e.field}: ${e.message}`).join('; '), errors)
  }
  const status = error.statusCode ?? 500
  if (status === 413 || status === 414 || status === 431)
    return problemDocument(status, 'E_API_TOO_LARGE', error.message)
  if (status < 500) return problemDocument(status, 'E_API_REQUEST', error.message)
  return problemDocument(500, 'E_API_INTERNAL', 'The request could not be answered.')
}
