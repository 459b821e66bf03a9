SELECT id, token, name, host, key, created, expires, first_seen, last_seen FROM enrolments ORDER BY created
