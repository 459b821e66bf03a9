UPDATE call_recordings SET status = 'processing',
  stopped_at = COALESCE((SELECT ended_at FROM calls c WHERE c.id = call_recordings.call_id AND ended_at > 0), CAST($1 AS BIGINT))
WHERE status = 'recording' AND call_id NOT IN (SELECT id FROM calls WHERE status = 'in_progress')
