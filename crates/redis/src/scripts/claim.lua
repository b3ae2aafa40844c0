-- Claims a session of a key, or reserves a record.
-- KEYS: the index of the key. ARGV: prefix, replica, lease, session, time of a reservation, "1" where
-- the session is shared, an incarnation for an empty store, then the marks.
local p, me, lease, session, reserve, shared = unpack(ARGV, 1, 6)
redis.call('SET', p .. 'r:' .. me, '1', 'PX', lease)
redis.call('SET', p .. 'i', ARGV[7], 'NX')
local incarnation = redis.call('GET', p .. 'i')

local generations = ''
for i = 8, #ARGV do
  generations = generations .. (redis.call('GET', p .. 'g:' .. ARGV[i]) or '0') .. ','
end

-- The fields of a record, and whether this replica or a living other one holds it.
local function read(key)
  local record, fields = {}, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local name = fields[i]
    if string.sub(name, 1, 2) == 'h:' then
      local holder = string.sub(name, 3)
      if holder == me then
        record.mine = true
      elseif redis.call('EXISTS', p .. 'r:' .. holder) == 1 then
        record.other = true
      else
        redis.call('HDEL', key, name)
      end
    else
      record[name] = fields[i + 1]
    end
  end
  return record
end

local function remove(key, name)
  redis.call('DEL', key)
  redis.call('SREM', KEYS[1], name)
end

local function number(n)
  return string.format('%.0f', n)
end

for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local key = p .. 's:' .. name
  local record = read(key)
  if record.generations ~= generations then
    -- It has ended, or was revoked.
    remove(key, name)
  elseif shared == '1' then
    local left = number(redis.call('PTTL', key))
    if record.sealed then
      redis.call('HSET', key, 'h:' .. me, '1')
      return { 'revive', incarnation, name, record.fence, left, record.sealed }
    elseif record.other then
      return { 'held', incarnation, name, record.fence, left, '' }
    end
    remove(key, name)
  elseif record.sealed and not record.other and not record.mine then
    local fence = number(redis.call('INCR', p .. 'f'))
    redis.call('HSET', key, 'fence', fence, 'h:' .. me, '1')
    return { 'revive', incarnation, name, fence, number(redis.call('PTTL', key)), record.sealed }
  end
end

local fence = number(redis.call('INCR', p .. 'f'))
local key = p .. 's:' .. session
redis.call('HSET', key, 'fence', fence, 'generations', generations, 'h:' .. me, '1')
redis.call('PEXPIRE', key, reserve)
redis.call('SADD', KEYS[1], session)
if redis.call('PTTL', KEYS[1]) < tonumber(reserve) then
  redis.call('PEXPIRE', KEYS[1], reserve)
end
return { 'reserved', incarnation, session, fence, reserve, '' }
