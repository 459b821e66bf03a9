SELECT id, token, person, kind, about, address, created, expires, last_seen FROM logins ORDER BY created
