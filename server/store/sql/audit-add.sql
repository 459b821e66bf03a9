INSERT INTO audit (id, at, person, action, object, outcome, address, request)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING
