UPDATE call_participants SET status = 'connected', joined_at = $3, video = $4, audio = $5, consented_at = $6
WHERE call_id = $1 AND user_id = $2 AND EXISTS (SELECT 1 FROM calls WHERE id = $1 AND status = 'in_progress' AND started_at = $3)
