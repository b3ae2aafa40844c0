-- Leaves what is known of an upstream.
-- KEYS: the hint. ARGV: the hint, how long it is kept.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'ok'
