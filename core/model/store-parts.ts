/**
 * Which numbered part of the search store new rows of a day go to, as documents: key is the day (`2026-11-22`), value
 * `{ part }`. Written by whoever watches the store's size, read where batches are stamped.
 */
export const PARTS_SPACE = 'store-parts'

export interface StorePart {
  part: number
}
