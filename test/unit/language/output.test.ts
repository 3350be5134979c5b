import { describe, expect, test } from 'vitest'
import { parseOutput } from '../../../core/language/output/format.ts'

const parts = (text: string) => {
  const { format, problems } = parseOutput(text, 'syscall')
  if (problems.length > 0) return problems.map(({ message, at }) => `${message} @${at}`)
  return format.parts.map(({ text: literal, value }) =>
    value === null ? literal : `${literal}{${value.name}${value.columns || ''}}`,
  )
}

describe('an output format', () => {
  test.each([
    ['plain', ['plain']],
    ['a=%proc.name b', ['a={proc.name}', ' b']],
    ['%fd.name.', ['{fd.name}', '.']],
    ['%fd.name.bak', ['{fd.name}', '.bak']],
    ['%10proc.name|%toupper(proc.name)', ['{proc.name10}', '|{toupper(proc.name)}']],
    ['%proc.aname[2]%evt.arg.path', ['{proc.aname[2]}', '{evt.arg.path}']],
    ['*%*proc.name', ['*{proc.name}']],
    ['x %container.info', ['%container.info is deprecated and was left out @3']],
    ['100%', ['the output ends with a percent sign @3']],
    ['%proc.nonsense', ['unknown field "proc.nonsense" @1']],
    ['%fd.ip', ['field "fd.ip" can be compared but not printed @1']],
    ['%docker.id', ['field "docker.id" does not exist in events of source "syscall" @1']],
  ])('%s', (text, expected) => {
    expect(parts(text)).toEqual(expected)
  })
})
