INSERT INTO recording_links (token, recording_id, made_by, expires_at)
SELECT $1, $2, $3, CAST($4 AS BIGINT) WHERE (SELECT COUNT(*) FROM recording_links WHERE recording_id = $2) < CAST($5 AS BIGINT) RETURNING token
