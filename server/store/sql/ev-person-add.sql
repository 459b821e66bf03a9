INSERT INTO ev_people (user_id, email, created)
SELECT $1, $2, CAST($3 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM ev_people WHERE ($2 <> '' AND email = $2) OR user_id = $1)
ON CONFLICT (user_id) DO NOTHING
