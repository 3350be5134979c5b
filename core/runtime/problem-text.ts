/** Problems as text: `file:line:column`, code, message, snippet, hint. Safe to print whatever the file holds. */
import type { Problem } from '../model/problem.ts'
import { safeText } from './safe-text.ts'

export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n')
}

function formatProblem({ location, code, severity, message, snippet, hint }: Problem): string {
  const lines = [
    `${safeText(location.file)}:${location.line}:${location.column}: ${severity}: ${safeText(message)} [${code}]`,
    ...(snippet === undefined ? [] : snippet.split('\n').map((line) => `    ${safeText(line)}`)),
    ...(hint === undefined ? [] : [`    hint: ${safeText(hint)}`]),
  ]
  return lines.join('\n')
}
