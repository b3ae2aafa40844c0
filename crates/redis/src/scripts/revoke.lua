-- Revokes what has a mark.
-- KEYS: the generation of the mark. ARGV: prefix, mark, how long it is kept, how many are kept for
-- beats.
local p, mark, ttl, kept = unpack(ARGV, 1, 4)
-- One count for fences and revocations tells which session is older than which revocation.
local number = string.format('%.0f', redis.call('INCR', p .. 'f'))
redis.call('SET', p .. 'n', number)
redis.call('SET', KEYS[1], number, 'PX', ttl)
redis.call('ZADD', p .. 'v', number, number .. ':' .. mark)
-- The news are a favour: a server that does not allow them keeps the revocation.
redis.pcall('PUBLISH', p .. 'n', number)
redis.call('ZREMRANGEBYRANK', p .. 'v', 0, -1 - kept)
return 'ok'
