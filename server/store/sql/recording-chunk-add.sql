INSERT INTO recording_chunks (recording_id, track, n, size, stored) SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT), 0
WHERE (SELECT COALESCE(SUM(size), 0) FROM recording_chunks WHERE recording_id = $1 AND NOT (track = $2 AND n = CAST($3 AS BIGINT)))
    + CAST($4 AS BIGINT) <= CAST($5 AS BIGINT)
  AND EXISTS (SELECT 1 FROM call_recordings WHERE id = $1 AND deleted_at = 0)
ON CONFLICT (recording_id, track, n) DO UPDATE SET size = EXCLUDED.size WHERE recording_chunks.stored = 0
RETURNING size
