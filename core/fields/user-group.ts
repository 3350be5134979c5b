/** `user.*` and `group.*`: who the process runs as, and who logged in. */
import type { ColumnName } from '../batch/columns.ts'
import { type Field, field, fromProcess, processColumn, type Source } from './field.ts'

/** What Falco has for a name that nobody knows: a value like any other, so that `user.name != root` holds. */
export const NO_NAME = '<NA>'

const nameOf = (column: ColumnName): Source =>
  fromProcess((cursor) => (cursor.process < 0 ? undefined : (cursor.processText(column) ?? NO_NAME)), { own: [column] })

/** What the kernel's audit uses for "never logged in"; Falco prints -1. */
const UNSET_LOGIN = -1

export const USER_GROUP_FIELDS: readonly Field[] = [
  field('user.uid', 'number', 'Effective user id.', processColumn('uid'), { ecs: 'user.id' }),
  field(
    'user.name',
    'string',
    'User name as the container or the host knows it; <NA> where neither does.',
    nameOf('userName'),
    {
      ecs: 'user.name',
    },
  ),
  field(
    'user.loginuid',
    'number',
    'Login user id; -1 when nobody logged in.',
    fromProcess(
      (cursor) => {
        if (cursor.process < 0) return undefined
        return cursor.processNumber('loginUid') ?? UNSET_LOGIN
      },
      { own: ['loginUid'] },
    ),
  ),
  field(
    'user.loginname',
    'string',
    'Name of the user who logged in, on the host; <NA> where nobody did.',
    nameOf('loginName'),
  ),
  field('group.gid', 'number', 'Effective group id.', processColumn('gid'), { ecs: 'group.id' }),
  field(
    'group.name',
    'string',
    'Group name as the container or the host knows it; <NA> where neither does.',
    nameOf('groupName'),
    {
      ecs: 'group.name',
    },
  ),
]
