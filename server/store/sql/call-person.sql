INSERT INTO call_participants (call_id, user_id, status, invited_at, joined_at, left_at, video, audio, consented_at)
SELECT $1, $2, 'invited', CAST($3 AS BIGINT), 0, 0, 0, 0, 0
WHERE (SELECT COUNT(*) FROM call_participants WHERE call_id = $1) < CAST($4 AS BIGINT)
  AND EXISTS (SELECT 1 FROM calls WHERE id = $1 AND status IN ('scheduled', 'ringing', 'in_progress'))
ON CONFLICT DO NOTHING
