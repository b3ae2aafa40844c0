-- Keeps the holdings of a replica, and returns the revocations since a number, each as `number:mark`.
-- KEYS: the key of the replica. ARGV: prefix, lease, an incarnation for an empty store, the number or
-- nothing.
local p, lease, fresh, seen = unpack(ARGV, 1, 4)
redis.call('SET', KEYS[1], '1', 'PX', lease)
redis.call('SET', p .. 'i', fresh, 'NX')
local answer = { redis.call('GET', p .. 'i'), redis.call('GET', p .. 'n') or '0' }
if seen ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', p .. 'v', '(' .. seen, '+inf')) do
    table.insert(answer, member)
  end
end
return answer
