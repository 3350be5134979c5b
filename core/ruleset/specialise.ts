/** A condition as it looks for one event type in one table: what is decided by the type alone is folded away. */
import type { ColumnName } from '../batch/columns.ts'
import { TABLES, type TableName } from '../batch/schema.ts'
import { argumentsOfType } from '../fields/event-arguments.ts'
import { DESCRIPTOR_CALLS, OPEN_CALLS, TWO_PATH_CALLS, takesPath } from '../fields/event-path.ts'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import type { Field } from '../fields/field.ts'
import { fieldsOf, type Predicate, type ValueSource } from '../language/condition/predicate.ts'
import { judgeValue } from './emit-check.ts'
import { type Expression, type ExpressionPool, rewrite } from './expression.ts'
import { type FieldUse, TypeQuestions } from './type-questions.ts'

export function specialise(
  pool: ExpressionPool,
  condition: Expression,
  type: EventTypeName,
  table: TableName,
  done: Map<Expression, Expression>,
): Expression {
  const decided = new Map<string, string | boolean>([
    ['evt.type', type],
    ['evt.source', EVENT_TYPES[type].source],
    ['evt.dir', '<'],
  ])
  if (EVENT_TYPES[type].source === 'syscall') decided.set('syscall.type', type)
  if (!OPEN_CALLS.has(type)) for (const name of OPEN_FIELDS) decided.set(name, false)
  return rewrite(
    pool,
    condition,
    (check) => {
      const { predicate } = check
      if (fieldsOf(predicate).some(({ field, argument }) => isAlwaysAbsent(field, argument, type, table)))
        return pool.false
      if (isNeverNumber(predicate)) return pool.false
      const value = decidedValue(predicate.left, decided, type)
      if (value === undefined || predicate.right.kind === 'operand') return check
      if (predicate.operator === 'exists') return pool.true
      return pool.constant(judgeValue(predicate, value))
    },
    remembering(pool, done, type, table),
  )
}

/** What an operand is for every event of the type; undefined where that differs from event to event. */
function decidedValue(
  left: ValueSource,
  decided: ReadonlyMap<string, string | boolean>,
  type: EventTypeName,
): string | boolean | number | undefined {
  if (left.kind !== 'field') return undefined
  if (left.field.name === 'evt.type.is') return left.argument === type ? 1 : 0
  return decided.get(left.field.name)
}

/** What is known for the type already, and what another type has left that asks the same of the condition. */
function remembering(
  pool: ExpressionPool,
  done: Map<Expression, Expression>,
  type: EventTypeName,
  table: TableName,
): Pick<Map<Expression, Expression>, 'get' | 'set'> {
  const questions = QUESTIONS.get(pool) ?? new TypeQuestions([...DECIDED_FIELDS, ...OPEN_FIELDS])
  QUESTIONS.set(pool, questions)
  const isAbsent = (one: FieldUse) => isAlwaysAbsent(one.field, one.argument, type, table)
  const answers = questions.answers(isAbsent)
  return {
    get: (node) => done.get(node) ?? questions.recall(node, answers),
    set: (node, made) => {
      questions.keep(node, answers, made)
      return done.set(node, made)
    },
  }
}

const QUESTIONS = new WeakMap<ExpressionPool, TypeQuestions>()

/** Fields that the type alone decides, for some types or for all. */
const DECIDED_FIELDS = ['evt.type', 'evt.type.is', 'evt.source', 'evt.dir', 'syscall.type']
const OPEN_FIELDS = ['evt.is_open_read', 'evt.is_open_write', 'evt.is_open_exec', 'evt.is_open_create']
/** Absent from calls on paths, which have no descriptor. */
const DESCRIPTOR_FIELDS: ReadonlySet<string> = new Set(
  ['num', 'name', 'nameraw', 'directory', 'filename', 'type', 'typechar'].map((name) => `fd.${name}`),
)

/** Whether events of a type in a table can never have a value for the field. */
function isAlwaysAbsent(field: Field, argument: string | null, type: EventTypeName, table: TableName): boolean {
  if (field.refused !== null) return true
  if (DESCRIPTOR_FIELDS.has(field.name) && table !== 'network' && !DESCRIPTOR_CALLS.has(type)) return true
  // A call has one path, or a source and a target.
  if (field.name.startsWith('fs.path.')) {
    const isOfTwo = field.name.startsWith('fs.path.source') || field.name.startsWith('fs.path.target')
    if (table !== 'file' || isOfTwo !== TWO_PATH_CALLS.has(type) || !takesPath(type)) return true
  }
  if (field.name === 'evt.arg' && argument !== null && !/^\d+$/.test(argument)) {
    return !argumentsOfType(type).some(({ name }) => name === argument)
  }
  const columns = TABLES[table].columns as readonly ColumnName[]
  const { read } = field
  if (read.from === 'derived')
    return read.columns !== undefined && !read.columns.some((column) => columns.includes(column))
  return read.scope === 'event' && !columns.includes(read.column)
}

/** Events are numbered from 1, and rules write `evt.num = 0` for "never". */
function isNeverNumber({ left, right, operator }: Predicate): boolean {
  if (left.kind !== 'field' || left.field.name !== 'evt.num' || right.kind !== 'numbers') return false
  return (operator === '=' || operator === 'in') && right.values.every((value) => value < 1)
}
