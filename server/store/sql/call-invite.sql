INSERT INTO call_participants (call_id, user_id, status, invited_at, joined_at, left_at, video, audio, consented_at)
SELECT id, CASE WHEN n = 1 THEN patient_id ELSE provider_id END, 'invited', created_at, 0, 0, 0, 0, 0
FROM calls CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS sides WHERE id = $1
