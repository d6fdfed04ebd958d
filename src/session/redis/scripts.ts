/**
 * What happens inside Redis. A script is one step for everybody else: all of it happens or nothing is seen of it.
 *
 * Five keys of one slot a session: `head` (hash: generation, head, salt, when it was written), `items` (list of `<position> <text>`), `ops`
 * (hash: operation to what it did), `calls` (hash: call id to positions, so that a change of a call need not read
 * the others) and `turn` (JSON: who has the turn). Scripts compare texts; what a text means only the client knows.
 *
 * A script that writes begins with the turn that it is made in: `key fence needs-turn`, then what is its own.
 */

/** All keys of a session end at the same moment, by the server's clock. */
const EXPIRY = `
local function keep(ttl, mode)
  local left = redis.call('PTTL', KEYS[1])
  if ttl > 0 and (mode == 'sliding' or left < 0) then left = ttl end
  if left <= 0 then return end
  local now = redis.call('TIME')
  local at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + left)
  for i = 1, 5 do redis.call('PEXPIREAT', KEYS[i], at) end
end
`;

const CLOCK = `
local function clock()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
`;

/** Answers with a refusal where the turn is lost, or another's. Takes its three arguments off the others. */
const IN_TURN = `
${CLOCK}
local turnKey, turnFence, needsTurn = table.remove(ARGV, 1), table.remove(ARGV, 1), table.remove(ARGV, 1)
if turnKey ~= '' or needsTurn == '1' then
  local text = redis.call('GET', KEYS[5])
  local line = text and cjson.decode(text) or {}
  local holder = line.holder
  if turnKey ~= '' then
    local isOwn = holder and holder.key == turnKey and string.format('%.0f', line.fence) == turnFence
    if not isOwn then return { 'fenced', text or '' } end
  elseif holder then
    -- Whose turn ran out writes on until another has taken it.
    return { 'taken', text }
  end
end
`;

const CALLS = `
local function note(call, seq)
  local known = redis.call('HGET', KEYS[4], call)
  redis.call('HSET', KEYS[4], call, known and (known .. ',' .. seq) or seq)
end
local function forget(call, seq)
  local left = {}
  for known in string.gmatch(redis.call('HGET', KEYS[4], call) or '', '%d+') do
    if known ~= seq then left[#left + 1] = known end
  end
  if #left == 0 then redis.call('HDEL', KEYS[4], call)
  else redis.call('HSET', KEYS[4], call, table.concat(left, ',')) end
end
local function seqOf(entry) return string.match(entry, '^(%d+) ') end
`;

/** The index of a position: positions grow, so it is found by halving. */
const LOCATE = `
local function locate(seq)
  local low, high = 0, redis.call('LLEN', KEYS[2]) - 1
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('LINDEX', KEYS[2], middle)
    local at = tonumber(seqOf(entry))
    if at == tonumber(seq) then return middle, entry end
    if not at then
      -- A damaged entry says nothing about its place.
      for i = low, high do
        entry = redis.call('LINDEX', KEYS[2], i)
        if seqOf(entry) == seq then return i, entry end
      end
      return nil
    end
    if at < tonumber(seq) then low = middle + 1 else high = middle - 1 end
  end
end
local function removeAt(index)
  redis.call('LSET', KEYS[2], index, 'removed')
  redis.call('LREM', KEYS[2], -1, 'removed')
end
`;

/**
 * Takes away the newest items where they are as said, and appends others.
 * ARGV: operation, hash, generation, head, fresh salt, ttl, ttl mode, how many to take away, how many to append;
 * then pairs of text and call id, first of those to take away.
 */
const WRITE = `
${IN_TURN}${EXPIRY}${CALLS}
local operation, hash, wantedGeneration, wantedHead = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local gone, added = tonumber(ARGV[8]), tonumber(ARGV[9])
local state = redis.call('HMGET', KEYS[1], 'generation', 'head', 'salt')
local generation, head, salt = state[1] or '1', tonumber(state[2] or '0'), state[3] or ARGV[5]
if not state[2] then
  -- A server that is short of memory may have thrown this key away and kept the items.
  local newest = redis.call('LINDEX', KEYS[2], -1)
  head = newest and tonumber(seqOf(newest)) or 0
end
local function answer(outcome, first, last)
  return { outcome, generation, first or string.format('%.0f', head + 1), last or string.format('%.0f', head) }
end
if operation ~= '' then
  local done = redis.call('HGET', KEYS[3], operation)
  if done then
    local doneIn, first, last, content = string.match(done, '^(%d+) (%d+) (%d+) (%x+)$')
    if doneIn ~= generation then return answer('cleared') end
    if content ~= redis.sha1hex(salt .. hash) then return answer('other') end
    return answer('done', first, last)
  end
end
if wantedGeneration ~= '' and wantedGeneration ~= generation then return answer('cleared') end
if wantedHead ~= '' and tonumber(wantedHead) ~= head then return answer('conflict') end
local first = string.format('%.0f', head + 1)
if gone > 0 then
  local newest = redis.call('LRANGE', KEYS[2], -gone, -1)
  if #newest ~= gone then return answer('changed') end
  for i = 1, gone do
    local text = string.match(newest[i], '^%d+ (.*)$')
    if text ~= ARGV[8 + 2 * i] then return answer('changed') end
  end
  for i = 1, gone do
    local call = ARGV[9 + 2 * i]
    if call ~= '' then forget(call, seqOf(newest[i])) end
  end
  redis.call('LTRIM', KEYS[2], 0, -gone - 1)
end
redis.call('HSET', KEYS[1], 'generation', generation, 'head', string.format('%.0f', head + added), 'salt', salt)
for i = gone + 1, gone + added do
  head = head + 1
  local seq = string.format('%.0f', head)
  redis.call('RPUSH', KEYS[2], seq .. ' ' .. ARGV[8 + 2 * i])
  local call = ARGV[9 + 2 * i]
  if call ~= '' then note(call, seq) end
end
local last = string.format('%.0f', head)
-- For who looks for sessions that nobody writes to any more.
if added > 0 then redis.call('HSET', KEYS[1], 'saved', string.format('%.0f', clock())) end
if operation ~= '' then
  redis.call('HSET', KEYS[3], operation, table.concat({ generation, first, last, redis.sha1hex(salt .. hash) }, ' '))
end
keep(tonumber(ARGV[6]), ARGV[7])
return answer('done', first, last)
`;

/** Takes an entry away where the list still ends as the client saw it. ARGV: ttl, mode, call id, entries from it on. */
const POP = `
${IN_TURN}${EXPIRY}${CALLS}${LOCATE}
local count = #ARGV - 3
local newest = redis.call('LRANGE', KEYS[2], -count, -1)
if #newest ~= count then return 'changed' end
for i = 1, count do if newest[i] ~= ARGV[3 + i] then return 'changed' end end
if count == 1 then redis.call('RPOP', KEYS[2]) else removeAt(-count) end
if ARGV[3] ~= '' then forget(ARGV[3], seqOf(newest[1])) end
keep(tonumber(ARGV[1]), ARGV[2])
return 'done'
`;

/**
 * A new generation. What was said is gone; that operations were done stays known, to refuse their retries. Their
 * hashes are worth nothing without the old salt. ARGV: fresh salt, ttl, mode.
 */
const CLEAR = `
${IN_TURN}${EXPIRY}
if redis.call('EXISTS', KEYS[1]) == 0 then return 'done' end
redis.call('HINCRBY', KEYS[1], 'generation', 1)
redis.call('HSET', KEYS[1], 'salt', ARGV[1])
redis.call('UNLINK', KEYS[2], KEYS[4])
keep(tonumber(ARGV[2]), ARGV[3])
return 'done'
`;

/** The entries of calls. ARGV: call ids. */
const FIND = `
${CALLS}${LOCATE}
local found = {}
for i, call in ipairs(ARGV) do
  local entries = {}
  for seq in string.gmatch(redis.call('HGET', KEYS[4], call) or '', '%d+') do
    local _, entry = locate(seq)
    if entry then entries[#entries + 1] = entry end
  end
  found[i] = entries
end
return found
`;

/**
 * Changes entries that are as the client saw them. ARGV: ttl, mode; then by fours: the entry, its call id, the text in
 * its place (empty: none), and the call id of that.
 */
const EDIT = `
${IN_TURN}${EXPIRY}${CALLS}${LOCATE}
for i = 3, #ARGV, 4 do
  local _, entry = locate(seqOf(ARGV[i]))
  if entry ~= ARGV[i] then return 'changed' end
end
for i = 3, #ARGV, 4 do
  local seq = seqOf(ARGV[i])
  local index = locate(seq)
  forget(ARGV[i + 1], seq)
  if ARGV[i + 2] == '' then
    removeAt(index)
  else
    redis.call('LSET', KEYS[2], index, seq .. ' ' .. ARGV[i + 2])
    if ARGV[i + 3] ~= '' then note(ARGV[i + 3], seq) end
  end
end
keep(tonumber(ARGV[1]), ARGV[2])
return 'done'
`;

/** The line and the server's time. */
const LINE = `
${CLOCK}
return { redis.call('GET', KEYS[5]) or '', string.format('%.0f', clock()) }
`;

/**
 * Puts a line in the place of another, where that is still there. It ends with the session's other keys.
 * ARGV: the line before (empty: none), the line after, ttl.
 */
const SWAP = `
if (redis.call('GET', KEYS[5]) or '') ~= ARGV[1] then return 'changed' end
redis.call('SET', KEYS[5], ARGV[2])
local left, ttl = redis.call('PTTL', KEYS[1]), tonumber(ARGV[3])
if left == -2 then left = ttl end
if left > 0 then redis.call('PEXPIRE', KEYS[5], left) end
return 'done'
`;

/** Forgets a session, unless a run has the turn that is none of these. ARGV: run ids. */
const ERASE = `
${CLOCK}
local text = redis.call('GET', KEYS[5])
local holder = text and cjson.decode(text).holder
if holder and (holder['until'] == cjson.null or holder['until'] > clock()) then
  local isMeant = false
  for _, run in ipairs(ARGV) do isMeant = isMeant or run == holder.runId end
  if not isMeant then return text end
end
redis.call('UNLINK', unpack(KEYS))
return ''
`;

export const SCRIPTS = {
  erase: ERASE,
  write: WRITE,
  pop: POP,
  clear: CLEAR,
  find: FIND,
  edit: EDIT,
  line: LINE,
  swap: SWAP,
} as const;
