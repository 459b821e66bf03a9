SELECT id, at, person, action, object, outcome, address, request, salts, prev, hash FROM audit
WHERE id > $1 AND id <= $2
ORDER BY id LIMIT $3
