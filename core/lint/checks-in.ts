import type { Check, Condition } from '../language/condition/ast.ts'

/** Every check of a condition as written, macros aside, in order. */
export function checksIn(condition: Condition): Check[] {
  const found: Check[] = []
  const walk = (node: Condition): void => {
    if (node.kind === 'check') found.push(node)
    else if (node.kind === 'not') walk(node.child)
    else if (node.kind !== 'macro') node.children.forEach(walk)
  }
  walk(condition)
  return found
}
