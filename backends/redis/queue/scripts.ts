/**
 * What the queue does to Redis in one step each, as Lua. What one offer brought is a group: one hash, written at once,
 * read at once, and named like its BullMQ job, which says nothing but that there is something to do. Keys of a topic,
 * all below `PREFIX:topic:TOPIC:`
 *
 * - `group:NAME`    hash, gone with its last item; of the item at a place `h:PLACE`, all but its payload as JSON, and
 *                   `p:CLASS:PLACE`, its payload
 * - `ids`           hash: ids of held items and the group each is in
 * - `groups`        sorted set: groups by the ms they were offered
 * - `handled`       set: groups that a consumer holds; nothing of them is evicted
 * - `evictable:N`   sorted set: groups that hold payloads of class N, in the order they came
 * - `done`          sorted set: finished ids by ms, the youngest `rememberIds` of them
 * - `bytes`, `order` counters
 */
import type { Redis } from 'ioredis'
import { BATCH_CLASSES } from '../../../core/model/event.ts'

/** Bookkeeping of an item in Redis beside its own bytes, roughly. */
const ITEM_OVERHEAD_BYTES = 512

/** Lua hands over some 8,000 values at once at most; a multiple of two and four. */
const MAX_VALUES = 4_000

const COMMON = `
local function all(command, key, values)
  local answers = {}
  for from = 1, #values, ${MAX_VALUES} do
    local to = math.min(from + ${MAX_VALUES} - 1, #values)
    local some = redis.call(command, key, unpack(values, from, to))
    if type(some) == 'table' then for _, answer in ipairs(some) do answers[#answers + 1] = answer end end
  end
  return answers
end
local function leaveIfEmpty(topic, group)
  if redis.call('EXISTS', topic .. 'group:' .. group) == 1 then return end
  redis.call('ZREM', topic .. 'groups', group)
  redis.call('SREM', topic .. 'handled', group)
  for class = 0, ${BATCH_CLASSES.length - 1} do redis.call('ZREM', topic .. 'evictable:' .. class, group) end
end
`

/**
 * ARGV: topic prefix, prefix of BullMQ's job keys, name of the new group, checkpoints key, now, maxBytes, maxItems,
 * lowest class on offer, number of items; four per item (id, class, head, payload); then source and position pairs.
 * Answers [1, evicted items, evicted bytes, items in the new group, group …], the groups being those of offers that
 * died before they made the job, or [0] when full.
 */
const OFFER = `${COMMON}
local topic, jobs, group, checkpoints, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local maxBytes, maxItems, lowest, count = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local ids = {}
for i = 1, count do ids[i] = ARGV[6 + 4 * i] end
local held, done = all('HMGET', topic .. 'ids', ids), all('ZMSCORE', topic .. 'done', ids)
local seen, orphans, fields, homes, classes, items, need = {}, {}, {}, {}, {}, 0, 0
for i, id in ipairs(ids) do
  local other = held[i]
  if other then
    if not seen['group ' .. other] and redis.call('EXISTS', jobs .. other) == 0 then orphans[#orphans + 1] = other end
    seen['group ' .. other] = true
  elseif not done[i] and not seen['id ' .. id] then
    seen['id ' .. id] = true
    local at = 6 + 4 * i
    local class, head, payload = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    fields[#fields + 1], fields[#fields + 2] = 'h:' .. items, head
    if #payload > 0 then
      fields[#fields + 1], fields[#fields + 2] = 'p:' .. class .. ':' .. items, payload
      classes[class] = true
    end
    homes[#homes + 1], homes[#homes + 2] = id, group
    items = items + 1
    need = need + ${ITEM_OVERHEAD_BYTES} + #head + #payload
  end
end
local freed, evicted = 0, 0
if items > 0 then
  if redis.call('HLEN', topic .. 'ids') + items > maxItems then return {0} end
  local over = tonumber(redis.call('GET', topic .. 'bytes') or '0') + need - maxBytes
  local victims = {}
  for class = 0, lowest - 1 do
    local from = 0
    while freed < over do
      local some = redis.call('ZRANGE', topic .. 'evictable:' .. class, from, from + 99)
      if #some == 0 then break end
      for _, name in ipairs(some) do
        if freed < over and redis.call('SISMEMBER', topic .. 'handled', name) == 0 then
          local key, payloads, rest = topic .. 'group:' .. name, {}, false
          for _, field in ipairs(redis.call('HKEYS', key)) do
            if string.sub(field, 1, 4) == 'p:' .. class .. ':' then
              if freed < over then
                payloads[#payloads + 1] = field
                freed = freed + redis.call('HSTRLEN', key, field)
              else
                rest = true
              end
            end
          end
          evicted = evicted + #payloads
          victims[#victims + 1] = {key, payloads, not rest and topic .. 'evictable:' .. class, name}
        end
      end
      from = from + 100
    end
  end
  if freed < over then return {0} end
  for _, victim in ipairs(victims) do
    all('HDEL', victim[1], victim[2])
    if victim[3] then redis.call('ZREM', victim[3], victim[4]) end
  end
  local order = redis.call('INCR', topic .. 'order')
  all('HSET', topic .. 'group:' .. group, fields)
  all('HSET', topic .. 'ids', homes)
  redis.call('ZADD', topic .. 'groups', now, group)
  for class in pairs(classes) do redis.call('ZADD', topic .. 'evictable:' .. class, order, group) end
  redis.call('INCRBY', topic .. 'bytes', need - freed)
end
for at = 10 + 4 * count, #ARGV, 2 do redis.call('HSET', checkpoints, ARGV[at], ARGV[at + 1]) end
local answer = {1, evicted, freed, items}
for _, name in ipairs(orphans) do answer[#answer + 1] = name end
return answer
`

/** ARGV: topic prefix, group …: somebody handles them, those that are still there. */
const MARK = `
for i = 2, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. 'group:' .. ARGV[i]) == 1 then redis.call('SADD', ARGV[1] .. 'handled', ARGV[i]) end
end
return 1
`

/** ARGV: topic prefix, group …: nobody handles them any more; they may be evicted again. */
const RELEASE = `
for i = 2, #ARGV do redis.call('SREM', ARGV[1] .. 'handled', ARGV[i]) end
return 1
`

/**
 * ARGV: topic prefix, now, rememberIds; four per item (group, place, class, id), those of a group together: the items
 * are finished and leave only their ids.
 */
const FINISH = `${COMMON}
local topic, now, at, bytes = ARGV[1], ARGV[2], 4, 0
while at < #ARGV do
  local group = ARGV[at]
  local key, fields, ids, done = topic .. 'group:' .. group, {}, {}, {}
  while ARGV[at] == group do
    local head, payload = 'h:' .. ARGV[at + 1], 'p:' .. ARGV[at + 2] .. ':' .. ARGV[at + 1]
    local size = redis.call('HSTRLEN', key, head)
    if size > 0 then
      bytes = bytes + ${ITEM_OVERHEAD_BYTES} + size + redis.call('HSTRLEN', key, payload)
      fields[#fields + 1], fields[#fields + 2] = head, payload
      ids[#ids + 1] = ARGV[at + 3]
      done[#done + 1], done[#done + 2] = now, ARGV[at + 3]
    end
    at = at + 4
  end
  all('HDEL', key, fields)
  all('HDEL', topic .. 'ids', ids)
  all('ZADD', topic .. 'done', done)
  leaveIfEmpty(topic, group)
end
redis.call('DECRBY', topic .. 'bytes', bytes)
redis.call('ZREMRANGEBYRANK', topic .. 'done', 0, -tonumber(ARGV[3]) - 1)
return 1
`

/**
 * ARGV: topic prefix, beginning of the new groups' names; four per item as for FINISH: each item becomes a group of
 * its own, `NAME-0`, `NAME-1` …, that nobody handles, as old as the one it was in.
 */
const SPLIT = `${COMMON}
local topic = ARGV[1]
for at = 3, #ARGV, 4 do
  local group, place, class, id = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local key, head, payload = topic .. 'group:' .. group, 'h:' .. place, 'p:' .. class .. ':' .. place
  local values = redis.call('HMGET', key, head, payload)
  if values[1] then
    local name = ARGV[2] .. '-' .. (at - 3) / 4
    redis.call('HSET', topic .. 'group:' .. name, 'h:0', values[1])
    redis.call('HSET', topic .. 'ids', id, name)
    redis.call('ZADD', topic .. 'groups', redis.call('ZSCORE', topic .. 'groups', group), name)
    if values[2] then
      redis.call('HSET', topic .. 'group:' .. name, 'p:' .. class .. ':0', values[2])
      local order = redis.call('ZSCORE', topic .. 'evictable:' .. class, group)
      redis.call('ZADD', topic .. 'evictable:' .. class, order, name)
    end
    redis.call('HDEL', key, head, payload)
    leaveIfEmpty(topic, group)
  end
end
return 1
`

/** ARGV: topic prefix, prefix of BullMQ's job keys, offered before (ms), most of them. Answers groups without a job. */
const ORPHANS = `
local answer = {}
for _, group in ipairs(redis.call('ZRANGEBYSCORE', ARGV[1] .. 'groups', '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])) do
  if redis.call('EXISTS', ARGV[2] .. group) == 0 then answer[#answer + 1] = group end
end
return answer
`

type Argument = string | number | Buffer | Uint8Array

export interface QueueScripts {
  offer(...arguments_: Argument[]): Promise<(Buffer | number)[]>
  /** Answers per group its fields and values; none when it is gone. */
  claim(topicPrefix: string, groups: readonly string[]): Promise<Buffer[][]>
  release(...arguments_: Argument[]): Promise<unknown>
  finish(...arguments_: Argument[]): Promise<unknown>
  split(...arguments_: Argument[]): Promise<unknown>
  orphans(...arguments_: Argument[]): Promise<string[]>
}

/** Loaded on first use and by digest afterwards, as ioredis does for every command defined like this. */
export function defineScripts(redis: Redis): QueueScripts {
  const scripts = { Offer: OFFER, Mark: MARK, Release: RELEASE, Finish: FINISH, Split: SPLIT, Orphans: ORPHANS }
  for (const [name, lua] of Object.entries(scripts)) redis.defineCommand(`seamark${name}`, { numberOfKeys: 0, lua })
  const call = (name: string) => {
    const command = (redis as unknown as Record<string, (...arguments_: Argument[]) => Promise<never>>)[name]
    if (command === undefined) throw new TypeError(`the command ${name} is not defined`)
    return (...arguments_: Argument[]) => command.apply(redis, arguments_.map(asArgument))
  }
  return {
    offer: call('seamarkOfferBuffer'),
    async claim(topicPrefix, groups) {
      const mark = call('seamarkMark')
      // Payloads do not pass through Lua, which hashes every byte of a string.
      const [, ...fields] = await Promise.all([
        mark(topicPrefix, ...groups),
        ...groups.map((group) => redis.callBuffer('HGETALL', `${topicPrefix}group:${group}`) as Promise<Buffer[]>),
      ])
      return fields
    },
    release: call('seamarkRelease'),
    finish: call('seamarkFinish'),
    split: call('seamarkSplit'),
    orphans: call('seamarkOrphans'),
  }
}

function asArgument(argument: Argument): string | number | Buffer {
  if (argument instanceof Uint8Array && !Buffer.isBuffer(argument))
    return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
  return argument as string | number | Buffer
}
