INSERT INTO call_guests (token, call_id, made_by, created_at, expires_at)
SELECT $1, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
WHERE (SELECT COUNT(*) FROM call_guests WHERE call_id = $2) < CAST($6 AS BIGINT)
