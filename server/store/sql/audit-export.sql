SELECT id, at, person, action, object, outcome, address, request, salts, prev, hash FROM audit
WHERE id > $1 AND ($2 = '' OR person = $2) AND action LIKE $3 ESCAPE '!' AND ($4 = '' OR object = $4)
  AND ($5 = '' OR request = $5) AND at >= $6 AND at < $7
ORDER BY id LIMIT $8
