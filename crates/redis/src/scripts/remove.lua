-- Gives a holding up.
-- KEYS: the index of the key. ARGV: prefix, session, incarnation, fence, replica, "1" where the record
-- stays with its other holders.
local p, session, incarnation, fence, me, own = unpack(ARGV, 1, 6)
local key = p .. 's:' .. session
if redis.call('GET', p .. 'i') ~= incarnation then
  return 'lost'
end
local current = redis.call('HGET', key, 'fence')
if not current then
  return 'nothing'
elseif current ~= fence then
  return 'lost'
end
redis.call('HDEL', key, 'h:' .. me)
if own == '1' then
  for _, name in ipairs(redis.call('HKEYS', key)) do
    local holder = string.match(name, '^h:(.*)')
    if holder and redis.call('EXISTS', p .. 'r:' .. holder) == 1 then
      return 'others'
    end
  end
end
redis.call('DEL', key)
redis.call('SREM', KEYS[1], session)
return 'nothing'
