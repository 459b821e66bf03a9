INSERT INTO events (event_id, session_id, user_id, device_id, status, trigger_type, created, duration, clip_uri, clip_mime, clip_size, clip_container,
  clip_blob, seq)
SELECT $1, s.session_id, s.user_id, s.device_id, $5, $6, CAST($7 AS BIGINT), CAST($8 AS BIGINT), $9, $10, CAST($11 AS BIGINT), $12, $13, CAST($14 AS BIGINT)
FROM ev_sessions s WHERE s.session_id = $2 AND s.device_id = $3 AND ($4 = '' OR s.user_id = $4) AND EXISTS (SELECT 1 FROM ev_charges c WHERE c.seq = $14)
ON CONFLICT (event_id) DO NOTHING
