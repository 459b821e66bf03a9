INSERT INTO call_recordings (id, call_id, status, started_by, method, created_at, started_at, stopped_at, completed_at, expires_at, deleted_at, views,
  viewed_at, key_id, wrapped, wrapped_at)
SELECT $1, $2, $3, $4, $5, CAST($6 AS BIGINT), CAST($7 AS BIGINT), 0, 0, CAST($8 AS BIGINT), 0, 0, 0, $9, $10, CAST($6 AS BIGINT)
WHERE EXISTS (SELECT 1 FROM calls WHERE id = $2 AND status = 'in_progress')
  AND NOT EXISTS (SELECT 1 FROM call_recordings WHERE call_id = $2 AND status IN ('pending', 'recording') AND deleted_at = 0)
