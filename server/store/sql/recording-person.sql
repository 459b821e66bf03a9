INSERT INTO recording_people (recording_id, user_id, answer, method, said_by, answered_at)
SELECT $1, $2, CAST($3 AS BIGINT), $4, $5, CAST($6 AS BIGINT) WHERE EXISTS (SELECT 1 FROM call_recordings WHERE id = $1)
ON CONFLICT DO NOTHING
