UPDATE call_recordings SET status = $3, stopped_at = $4, stopped_by = $5, reason = $6 WHERE id = $1 AND status = $2
