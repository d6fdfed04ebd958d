/**
 * What happens inside Redis: one script an operation, one step for everybody else.
 *
 * Five keys of one slot a tenant: `accounts` (hash: name to `<settled nano> <settled tokens> <held nano> <held tokens>`),
 * `entries` (hash: number to a packed entry), `effects` and `open` (sorted sets without scores: `<effect>\0<number>` and
 * `<account>\0<number>`, numbers padded), `last` (the last number given). A tenant's numbers begin anywhere, so that an id
 * of another tenant, or from before a server lost its data, is none of its. Names are bytes: none of them is read.
 */
const SHARED = `
local ACCOUNTS, ENTRIES, EFFECTS, OPEN, LAST = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function account(name)
  local text = redis.call('HGET', ACCOUNTS, name)
  if not text then return { 0, 0, 0, 0 } end
  local a, b, c, d = string.match(text, '^(%S+) (%S+) (%S+) (%S+)$')
  return { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }
end
local function book(name, by)
  local now = account(name)
  local text = {}
  for i = 1, 4 do text[i] = string.format('%.0f', now[i] + by[i]) end
  redis.call('HSET', ACCOUNTS, name, table.concat(text, ' '))
end
local function load(n)
  local packed = redis.call('HGET', ENTRIES, n)
  return packed and cmsgpack.unpack(packed)
end
local function find(effect, epoch, n)
  local entry = load(n)
  if entry and entry.effect == effect and entry.epoch == epoch then return entry end
end
local function finish(entry, nano, tokens)
  redis.call('HDEL', ENTRIES, entry.n)
  redis.call('ZREM', EFFECTS, entry.effect .. '\\0' .. entry.n)
  for _, name in ipairs(entry.budgets) do
    redis.call('ZREM', OPEN, name .. '\\0' .. entry.n)
    book(name, { nano, tokens, -entry.nano, -entry.tokens })
  end
end
local function under(set, name)
  local found = {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', set, '[' .. name .. '\\0', '(' .. name .. '\\1')) do
    local entry = load(string.sub(member, #name + 2))
    if entry then found[#found + 1] = entry end
  end
  return found
end
`;

/**
 * ARGV: effect, epoch, token, nano-dollars, tokens, then of the entry that it replaces effect, epoch and number (or
 * empty), where numbers begin, then by threes: account, its limits (empty: none).
 */
const RESERVE = `
${SHARED}
local effect, epoch, token, nano, tokens = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
for _, entry in ipairs(under(EFFECTS, effect)) do
  if entry.token == token and entry.epoch == epoch and entry.effect == effect then return { 'ok', entry.n } end
end
local replaced = ARGV[8] ~= '' and find(ARGV[6], ARGV[7], ARGV[8])
local function isReplaced(name)
  if not replaced then return false end
  for _, one in ipairs(replaced.budgets) do if one == name then return true end end
  return false
end
local budgets = {}
for i = 10, #ARGV, 3 do
  local name = ARGV[i]
  local now = account(name)
  if isReplaced(name) then
    now[3] = now[3] - replaced.nano
    now[4] = now[4] - replaced.tokens
  end
  local asked = { nano, tokens }
  for unit = 1, 2 do
    local limit = tonumber(ARGV[i + unit])
    if limit and now[unit] + now[2 + unit] + asked[unit] > limit then
      local line = string.format('%.0f', (i - 10) / 3)
      return { 'no', line, tostring(unit), string.format('%.0f', now[unit]), string.format('%.0f', now[2 + unit]) }
    end
  end
  budgets[#budgets + 1] = name
end
if replaced then finish(replaced, 0, 0) end
if redis.call('EXISTS', LAST) == 0 then redis.call('SET', LAST, ARGV[9]) end
local n = string.format('%016.0f', redis.call('INCR', LAST))
local entry = { n = n, effect = effect, epoch = epoch, token = token, nano = nano, tokens = tokens, budgets = budgets }
redis.call('HSET', ENTRIES, n, cmsgpack.pack(entry))
redis.call('ZADD', EFFECTS, 0, effect .. '\\0' .. n)
for _, name in ipairs(budgets) do
  redis.call('ZADD', OPEN, 0, name .. '\\0' .. n)
  book(name, { 0, 0, nano, tokens })
end
return { 'ok', n }
`;

/** ARGV: effect, epoch, number, token. */
const SENT = `
${SHARED}
local entry = find(ARGV[1], ARGV[2], ARGV[3])
if not entry or (entry.sender and entry.sender ~= ARGV[4]) then return 0 end
entry.sender = ARGV[4]
redis.call('HSET', ENTRIES, entry.n, cmsgpack.pack(entry))
return 1
`;

/** ARGV: effect, epoch, number, what it came to in nano-dollars and tokens. */
const END = `
${SHARED}
local entry = find(ARGV[1], ARGV[2], ARGV[3])
if not entry then return 0 end
finish(entry, tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1
`;

/** ARGV: effect, the first epoch that is left alone. */
const RECOVER = `
${SHARED}
local ended = 0
for _, entry in ipairs(under(EFFECTS, ARGV[1])) do
  if entry.effect == ARGV[1] and not entry.sender and tonumber(entry.epoch) < tonumber(ARGV[2]) then
    finish(entry, 0, 0)
    ended = ended + 1
  end
end
return ended
`;

/** ARGV: account, how many open entries at most. Gives the four sums, then by sixes what is open. */
const BALANCE = `
${SHARED}
local answer = {}
for i, value in ipairs(account(ARGV[1])) do answer[i] = string.format('%.0f', value) end
local from, to = '[' .. ARGV[1] .. '\\0', '(' .. ARGV[1] .. '\\1'
for _, member in ipairs(redis.call('ZRANGEBYLEX', OPEN, from, to, 'LIMIT', 0, tonumber(ARGV[2]))) do
  local entry = load(string.sub(member, #ARGV[1] + 2))
  if entry then
    local state = entry.sender and 'sent' or 'reserved'
    local amount = { string.format('%.0f', entry.nano), string.format('%.0f', entry.tokens) }
    for _, value in ipairs({ entry.n, entry.effect, entry.epoch, state, amount[1], amount[2] }) do
      answer[#answer + 1] = value
    end
  end
end
return answer
`;

export const SCRIPTS = { reserve: RESERVE, sent: SENT, end: END, recover: RECOVER, balance: BALANCE } as const;
