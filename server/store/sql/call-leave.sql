UPDATE call_participants SET status = 'left', left_at = $2
WHERE call_id = $1 AND status IN ('connected', 'disconnected') AND EXISTS (SELECT 1 FROM calls WHERE id = $1 AND ended_at = $2)
