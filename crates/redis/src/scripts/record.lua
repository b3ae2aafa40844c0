-- Records a session, and hands it over where it is parked.
-- KEYS: the index of the key. ARGV: prefix, session, incarnation, fence, time to live, the sealed
-- session, the replica where it is parked.
local p, session, incarnation, fence, ttl, sealed, parked = unpack(ARGV, 1, 7)
local key = p .. 's:' .. session
if redis.call('GET', p .. 'i') ~= incarnation or redis.call('HGET', key, 'fence') ~= fence then
  return 'lost'
end
redis.call('HSET', key, 'sealed', sealed)
redis.call('PEXPIRE', key, ttl)
if redis.call('PTTL', KEYS[1]) < tonumber(ttl) then
  redis.call('PEXPIRE', KEYS[1], ttl)
end
if parked ~= '' then
  redis.call('HDEL', key, 'h:' .. parked)
end
return 'ok'
