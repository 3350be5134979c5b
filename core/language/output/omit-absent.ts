/** Leaves out of a printed output what says nothing to a person: ` name=<NA>`. What is stored or sent keeps it. */

const ABSENT_PAIR = / [\w.-]{1,40}=<NA>(?= |$)/g

/** At most `most` pairs, from the left; text of an event may look like one too. */
export function omitAbsent(output: string, most: number = Number.POSITIVE_INFINITY): string {
  let left = most
  return output.replace(ABSENT_PAIR, (pair) => (left-- > 0 ? '' : pair))
}
