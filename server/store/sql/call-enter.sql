UPDATE call_participants SET status = 'connected', joined_at = CASE WHEN joined_at = 0 THEN $3 ELSE joined_at END, left_at = 0, video = $4, audio = $5
WHERE call_id = $1 AND user_id = $2 AND EXISTS (SELECT 1 FROM calls WHERE id = $1 AND status IN ('scheduled', 'ringing', 'in_progress'))
