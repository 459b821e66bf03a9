SELECT event_id, device_id, trigger_type, status, created, COALESCE(summary, ''), COALESCE(clip_blob, '') FROM events WHERE (user_id = $1 OR user_id = $2)
ORDER BY seq DESC LIMIT $3
