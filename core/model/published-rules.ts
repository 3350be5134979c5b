/**
 * The rule sets of a deployment, as documents: `active` names the version that judges what arrives; each version holds
 * the files it was loaded from. A version is published only after it has loaded without mistakes.
 */
export const RULES_SPACE = 'rulesets'
export const ACTIVE_RULES = 'active'

export interface ActiveRules {
  version: string
  sinceMs: number
}

export interface PublishedRules {
  version: string
  files: { name: string; text: string }[]
  matching: 'all' | 'first'
  publishedMs: number
}
