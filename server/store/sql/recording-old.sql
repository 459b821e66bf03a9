SELECT id, call_id FROM call_recordings WHERE expires_at <= $1 AND deleted_at = 0 ORDER BY expires_at LIMIT $2
