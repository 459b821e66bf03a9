INSERT INTO enrolments (id, token, name, host, key, created, expires, first_seen, last_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET host = excluded.host, key = excluded.key, first_seen = excluded.first_seen, last_seen = excluded.last_seen
