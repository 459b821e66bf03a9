INSERT INTO hosts (name, instance, key, first_seen, last_seen)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name, instance) DO UPDATE SET key = excluded.key, first_seen = excluded.first_seen, last_seen = excluded.last_seen
