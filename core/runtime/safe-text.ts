/**
 * Makes text from events fit to print: nothing an attacker puts into an argument, path or log line can move the cursor,
 * start a line, change colours or turn the reading direction. What is dangerous is shown as an escape.
 */

// C0 and C1 controls, DEL, line and paragraph separators, bidirectional controls, and invisible joiners.
// Sources: Unicode 16 §23.2; "Trojan Source" (CVE-2021-42574).
const DANGEROUS =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

export function safeText(text: string): string {
  return text.replace(DANGEROUS, escapeCharacter)
}

/**
 * A value as one line of JSON that is safe to print too: what JSON leaves as it is but a terminal acts upon is written
 * as \\u escapes, which mean the same to every JSON reader.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    DANGEROUS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function escapeCharacter(character: string): string {
  switch (character) {
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    default: {
      const code = character.charCodeAt(0)
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
    }
  }
}
