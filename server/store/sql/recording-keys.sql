SELECT id, key_id, wrapped FROM call_recordings WHERE key_id <> $1 AND wrapped <> '' AND id > $2 ORDER BY id LIMIT $3
