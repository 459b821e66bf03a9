INSERT INTO ev_sessions (session_id, device_id, user_id, status, started, stopped, prompt)
SELECT $1, $2, $3, 'active', CAST($4 AS BIGINT), 0, $5
WHERE $3 = '' OR EXISTS (SELECT 1 FROM ev_devices WHERE device_id = $2 AND user_id = $3)
