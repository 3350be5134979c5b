/**
 * What the queue does to Redis in one step each, as Lua. BullMQ holds the jobs; a job only names items, and the items
 * lie here, with what idempotence, bounds and eviction need. Keys of a topic, all below `PREFIX:topic:TOPIC:`
 *
 * - `item:ID`       hash: payload, header, envelope, failure, class, size, order, job; while it is held
 * - `held`          sorted set: id by the ms it was offered; counts and ages
 * - `done`          sorted set: finished ids by ms, the youngest `rememberIds` of them
 * - `evictable:N`   sorted set: ids of class N that nobody is handling, in the order they came
 * - `bytes`, `order` counters
 */
import type { Redis } from 'ioredis'

/** Bookkeeping of an item in Redis beside its own bytes, roughly. */
export const ITEM_OVERHEAD_BYTES = 512

/**
 * ARGV: topic prefix, prefix of BullMQ's job keys, name for a new job, checkpoints key, now, maxBytes, maxItems, lowest
 * class on offer, number of items; seven per item (id, class, size, payload, header, envelope, failure); then source
 * and position pairs. Answers [1, evicted items, evicted bytes, id …] with the ids that the new job has to name, or [0]
 * when full.
 */
const OFFER = `
local topic, jobs, job, checkpoints, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local maxBytes, maxItems, lowest, count = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local fresh, orphans, seen, need = {}, {}, {}, 0
for i = 0, count - 1 do
  local at = 10 + 7 * i
  local id = ARGV[at]
  if not seen[id] then
    seen[id] = true
    local held = redis.call('HGET', topic .. 'item:' .. id, 'job')
    if held then
      if redis.call('EXISTS', jobs .. held) == 0 then orphans[#orphans + 1] = id end
    elseif not redis.call('ZSCORE', topic .. 'done', id) then
      fresh[#fresh + 1] = at
      need = need + tonumber(ARGV[at + 2])
    end
  end
end
if #fresh > 0 and redis.call('ZCARD', topic .. 'held') + #fresh > maxItems then return {0} end
local over = need == 0 and 0 or tonumber(redis.call('GET', topic .. 'bytes') or '0') + need - maxBytes
local victims, freed = {}, 0
for class = 0, lowest - 1 do
  local from = 0
  while freed < over do
    local some = redis.call('ZRANGE', topic .. 'evictable:' .. class, from, from + 99)
    if #some == 0 then break end
    for _, id in ipairs(some) do
      if freed >= over then break end
      victims[#victims + 1] = {id, class}
      freed = freed + redis.call('HSTRLEN', topic .. 'item:' .. id, 'payload')
    end
    from = from + 100
  end
end
if over > 0 and freed < over then return {0} end
for _, victim in ipairs(victims) do
  local key = topic .. 'item:' .. victim[1]
  redis.call('HINCRBY', key, 'size', -redis.call('HSTRLEN', key, 'payload'))
  redis.call('HSET', key, 'payload', '')
  redis.call('ZREM', topic .. 'evictable:' .. victim[2], victim[1])
end
local answer = {1, #victims, freed}
for _, id in ipairs(orphans) do
  redis.call('HSET', topic .. 'item:' .. id, 'job', job)
  answer[#answer + 1] = id
end
for _, at in ipairs(fresh) do
  local id, class = ARGV[at], ARGV[at + 1]
  local order = redis.call('INCR', topic .. 'order')
  redis.call('HSET', topic .. 'item:' .. id, 'class', class, 'size', ARGV[at + 2], 'payload', ARGV[at + 3],
    'header', ARGV[at + 4], 'envelope', ARGV[at + 5], 'failure', ARGV[at + 6], 'order', order, 'job', job)
  redis.call('ZADD', topic .. 'held', now, id)
  redis.call('ZADD', topic .. 'evictable:' .. class, order, id)
  answer[#answer + 1] = id
end
if need ~= 0 or freed ~= 0 then redis.call('INCRBY', topic .. 'bytes', need - freed) end
for at = 10 + 7 * count, #ARGV, 2 do redis.call('HSET', checkpoints, ARGV[at], ARGV[at + 1]) end
return answer
`

/**
 * ARGV: topic prefix, prefix of BullMQ's job keys, name for a new job, offered before (ms), most of them. Answers the
 * ids of held items whose job is not there, oldest first; they are the new job's now.
 */
const ADOPT = `
local topic, answer = ARGV[1], {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', topic .. 'held', '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])) do
  local key = topic .. 'item:' .. id
  if redis.call('EXISTS', ARGV[2] .. redis.call('HGET', key, 'job')) == 0 then
    redis.call('HSET', key, 'job', ARGV[3])
    answer[#answer + 1] = id
  end
end
return answer
`

/** ARGV: topic prefix, id …; answers per id [class, payload, header, envelope, failure], or false when gone. */
const CLAIM = `
local topic, answer = ARGV[1], {}
for i = 2, #ARGV do
  local key = topic .. 'item:' .. ARGV[i]
  local item = redis.call('HMGET', key, 'class', 'payload', 'header', 'envelope', 'failure')
  if item[1] then
    redis.call('ZREM', topic .. 'evictable:' .. item[1], ARGV[i])
    answer[i - 1] = item
  else
    answer[i - 1] = false
  end
end
return answer
`

/** ARGV: topic prefix, now, rememberIds, id …: the items are finished and leave only their ids. */
const FINISH = `
local topic, now, remember = ARGV[1], ARGV[2], tonumber(ARGV[3])
for i = 4, #ARGV do
  local id = ARGV[i]
  local key = topic .. 'item:' .. id
  local held = redis.call('HMGET', key, 'class', 'size')
  if held[1] then
    redis.call('DEL', key)
    redis.call('DECRBY', topic .. 'bytes', held[2])
    redis.call('ZREM', topic .. 'held', id)
    redis.call('ZREM', topic .. 'evictable:' .. held[1], id)
    redis.call('ZADD', topic .. 'done', now, id)
  end
end
redis.call('ZREMRANGEBYRANK', topic .. 'done', 0, -remember - 1)
return 1
`

/** ARGV: topic prefix, new job or '', id …: nobody handles the items any more; each may be evicted again. */
const RELEASE = `
local topic, job = ARGV[1], ARGV[2]
for i = 3, #ARGV do
  local key = topic .. 'item:' .. ARGV[i]
  local held = redis.call('HMGET', key, 'class', 'order')
  if held[1] then
    redis.call('ZADD', topic .. 'evictable:' .. held[1], held[2], ARGV[i])
    if job ~= '' then redis.call('HSET', key, 'job', job .. '-' .. (i - 3)) end
  end
end
return 1
`

type Argument = string | number | Buffer | Uint8Array

export interface QueueScripts {
  offer(...arguments_: Argument[]): Promise<(Buffer | number)[]>
  adopt(...arguments_: Argument[]): Promise<string[]>
  claim(...arguments_: Argument[]): Promise<((Buffer | null)[] | null)[]>
  finish(...arguments_: Argument[]): Promise<unknown>
  release(...arguments_: Argument[]): Promise<unknown>
}

/** Loaded on first use and by digest afterwards, as ioredis does for every command defined like this. */
export function defineScripts(redis: Redis): QueueScripts {
  const scripts = { Offer: OFFER, Adopt: ADOPT, Claim: CLAIM, Finish: FINISH, Release: RELEASE }
  for (const [name, lua] of Object.entries(scripts)) redis.defineCommand(`seamark${name}`, { numberOfKeys: 0, lua })
  const call = (name: string) => {
    const command = (redis as unknown as Record<string, (...arguments_: Argument[]) => Promise<never>>)[name]
    if (command === undefined) throw new TypeError(`the command ${name} is not defined`)
    return (...arguments_: Argument[]) => command.apply(redis, arguments_.map(asArgument))
  }
  return {
    offer: call('seamarkOfferBuffer'),
    adopt: call('seamarkAdopt'),
    claim: call('seamarkClaimBuffer'),
    finish: call('seamarkFinish'),
    release: call('seamarkRelease'),
  }
}

function asArgument(argument: Argument): string | number | Buffer {
  if (argument instanceof Uint8Array && !Buffer.isBuffer(argument))
    return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
  return argument as string | number | Buffer
}
