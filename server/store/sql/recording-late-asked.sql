UPDATE call_recordings SET status = 'failed', stopped_at = $1, reason = 'Not everybody has answered'
WHERE status = 'pending' AND (created_at <= $2 OR call_id NOT IN (SELECT id FROM calls WHERE status = 'in_progress'))
