INSERT INTO logins (id, token, person, kind, about, address, created, expires, last_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET token = excluded.token, expires = excluded.expires, address = excluded.address, last_seen = excluded.last_seen
