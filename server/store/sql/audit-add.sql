INSERT INTO audit (id, at, person, action, object, outcome, address, request, salts, prev, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
