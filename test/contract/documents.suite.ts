/** The promises of the `Documents` port; every backend runs this suite. */
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'

/** Empty storage; every `open` gives another handle on it, as another thread or process would have. */
export interface DocumentsStorage {
  open(): Promise<Documents & Component>
}

export function documentsSuite(name: string, create: () => Promise<DocumentsStorage>): void {
  async function open() {
    const storage = await create()
    const documents = await storage.open()
    onTestFinished(() => documents.stop(1_000))
    return { storage, documents }
  }

  describe(`${name} as documents`, () => {
    test('creates once, then changes only what the caller has seen', async () => {
      const { documents } = await open()
      expect(await documents.get('alerts', 'a')).toBeNull()
      expect(await documents.put('alerts', 'a', { n: 1 }, 0)).toBe(true)
      expect(await documents.put('alerts', 'a', { n: 2 }, 0)).toBe(false)
      const first = await documents.get('alerts', 'a')
      expect(first?.value).toEqual({ n: 1 })
      expect(await documents.put('alerts', 'a', { n: 3 }, first!.version)).toBe(true)
      expect(await documents.put('alerts', 'a', { n: 4 }, first!.version)).toBe(false)
      expect((await documents.get('alerts', 'a'))?.value).toEqual({ n: 3 })
    })

    test('a key that was removed and made again does not accept the old version', async () => {
      const { documents } = await open()
      await documents.put('s', 'k', 1, 0)
      const { version } = (await documents.get('s', 'k'))!
      expect(await documents.remove('s', 'k', version + 1_000)).toBe(false)
      expect(await documents.remove('s', 'k', version)).toBe(true)
      expect(await documents.remove('s', 'k', version)).toBe(false)
      await documents.put('s', 'k', 2, 0)
      expect(await documents.put('s', 'k', 3, version)).toBe(false)
    })

    test('changes several keys of several spaces together, or none of them', async () => {
      const { documents } = await open()
      expect(await documents.commit([])).toBe(true)
      const created = [
        { space: 's', key: 'a', value: 1, ifVersion: 0 },
        { space: 't', key: 'a', value: 2, ifVersion: 0 },
      ]
      expect(await documents.commit(created)).toBe(true)
      const [a, b] = [(await documents.get('s', 'a'))!, (await documents.get('t', 'a'))!]
      const changes = [
        { space: 's', key: 'a', value: undefined, ifVersion: a.version },
        { space: 's', key: 'new', value: 3, ifVersion: 0 },
        { space: 't', key: 'a', value: 4, ifVersion: b.version + 1 },
      ]
      expect(await documents.commit(changes)).toBe(false)
      expect([await documents.get('s', 'a'), await documents.get('s', 'new')]).toEqual([a, null])
      changes[2]!.ifVersion = b.version
      expect(await documents.commit(changes)).toBe(true)
      expect(await documents.get('s', 'a')).toBeNull()
      expect((await documents.get('s', 'new'))!.value).toBe(3)
      expect((await documents.get('t', 'a'))!.value).toBe(4)
      // What is gone cannot be removed again, nor with the others.
      expect(await documents.commit([{ space: 's', key: 'a', value: undefined, ifVersion: 0 }])).toBe(false)
    })

    test('reads many at once, in the order asked for, also the same twice and what is not there', async () => {
      const { documents } = await open()
      expect(await documents.getAll([])).toEqual([])
      for (const [space, key] of [
        ['s', 'a'],
        ['t', 'a'],
        ['s', 'b'],
      ] as const)
        await documents.put(space, key, `${space}/${key}`, 0)
      const wanted = ['s/b', 't/a', 's/none', 's/b', 'none/a', 's/a'].map((name) => {
        const [space, key] = name.split('/') as [string, string]
        return { space, key }
      })
      const found = await documents.getAll(wanted)
      expect(found.map((one) => one?.value ?? null)).toEqual(['s/b', 't/a', null, 's/b', null, 's/a'])
      expect(found[0]).toEqual(await documents.get('s', 'b'))
      const many = Array.from({ length: 5_000 }, (_, i) => ({ space: 's', key: i === 4_999 ? 'a' : `none-${i}` }))
      expect((await documents.getAll(many)).filter((one) => one !== null)).toMatchObject([{ key: 'a' }])
    })

    test('of many who write the same version at the same time, one wins', async () => {
      const { storage, documents } = await open()
      const other = await storage.open()
      onTestFinished(() => other.stop(1_000))
      await documents.put('s', 'k', 'first', 0)
      const { version } = (await documents.get('s', 'k'))!
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? documents : other).put('s', 'k', i, version)),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
    })

    test('scans in key order, in pages, one space only, whatever the keys are called', async () => {
      const keys = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }), { maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(keys, fc.integer({ min: 1, max: 5 }), async (names, page) => {
          const documents = await (await create()).open()
          for (const key of ['__proto__', ...names]) await documents.put('s', key, { key }, 0)
          await documents.put('t', 'elsewhere', 1, 0)
          const got: string[] = []
          for (let after = ''; ; after = got.at(-1)!) {
            const found = await documents.scan('s', after, page)
            got.push(...found.map(({ key }) => key))
            if (found.length < page) break
          }
          expect(got).toEqual([...new Set(['__proto__', ...names])].sort())
          await documents.stop(1_000)
        }),
        { numRuns: 10 },
      )
    })

    test('a watch yields what changes in its space, changes by others and removals included', async () => {
      const { storage, documents } = await open()
      const other = await storage.open()
      onTestFinished(() => other.stop(1_000))
      await documents.put('s', 'before', 1, 0)
      const stop = new AbortController()
      const seen: string[] = []
      const watch = documents.watch('s', stop.signal)
      await documents.put('s', 'between', 1, 0)
      const watching = (async () => {
        for await (const key of watch) seen.push(key)
      })()
      await other.put('s', 'theirs', 1, 0)
      await other.put('t', 'elsewhere', 1, 0)
      await documents.remove('s', 'before', (await documents.get('s', 'before'))!.version)
      await expect.poll(() => [...new Set(seen)].sort(), { timeout: 5_000 }).toEqual(['before', 'between', 'theirs'])
      stop.abort()
      await watching
    })

    test('a slow watcher never misses the last change of a key', async () => {
      const { documents } = await open()
      const stop = new AbortController()
      const last = new Map<string, unknown>()
      const watching = (async () => {
        for await (const key of documents.watch('s', stop.signal)) {
          await new Promise((resolve) => setTimeout(resolve, 3))
          last.set(key, (await documents.get('s', key))?.value)
        }
      })()
      for (let i = 0; i < 60; i++) {
        const key = `k${i % 4}`
        await documents.put('s', key, i, (await documents.get('s', key))?.version ?? 0)
      }
      const expected = { k0: 56, k1: 57, k2: 58, k3: 59 }
      await expect.poll(() => Object.fromEntries([...last].sort()), { timeout: 5_000 }).toEqual(expected)
      stop.abort()
      await watching
    })

    test('what was put is there after a restart', async () => {
      const { storage, documents } = await open()
      await documents.put('s', 'k', { deep: [1, null, 'x'] }, 0)
      await documents.stop(1_000)
      await documents.stop(1_000)
      const again = await storage.open()
      onTestFinished(() => again.stop(1_000))
      expect((await again.get('s', 'k'))?.value).toEqual({ deep: [1, null, 'x'] })
    })
  })
}
