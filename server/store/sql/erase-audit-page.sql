SELECT id, at, person, action, object, outcome, address, request, salts, prev, hash FROM audit
WHERE id > $1 AND (person = $2 OR object = $2 OR person LIKE $3 ESCAPE '!')
ORDER BY id LIMIT $4
