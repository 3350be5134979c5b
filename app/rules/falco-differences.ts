/** Where rules have another outcome here than in Falco: told by `rules import`, listed in docs/falco-compatibility.md. */

/** By the warning that says so, or what it is about. */
export const FALCO_DIFFERENCES: Readonly<Record<string, string>> = {
  W_LIST_NESTED: 'lists in lists in lists are expanded; Falco expands one level and compares with the name of the next',
  W_LIST_IN_QUOTES: 'a list named inside quotes stays a word; Falco puts its items into the text',
  W_RULE_FIELD_NEVER_FILLED: 'a field that Falco fills is always absent here',
  W_RULE_SOURCE: 'rules of sources that need a plugin of Falco are left out',
  regex: '`regex` matches no value of more than 8 KiB',
  capture: '`capture` is read and has no effect: no .scap is written',
  'rule-matching':
    'Falco raises only the first rule that holds for an event, Seamark all; `--rule-matching first` is as Falco. Its own `all` keeps rules without event types silent where one with types held; here they are raised too',
}
