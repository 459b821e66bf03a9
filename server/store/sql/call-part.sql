UPDATE call_participants SET status = $3, left_at = $4 WHERE call_id = $1 AND user_id = $2 AND status IN ('connected', 'disconnected')
