UPDATE calls SET status = 'in_progress', started_at = $2, updated_at = $2 WHERE id = $1 AND status IN ('scheduled', 'ringing')
