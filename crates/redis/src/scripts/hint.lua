-- What was left about an upstream, or nothing.
-- KEYS: the hint.
return redis.call('GET', KEYS[1])
