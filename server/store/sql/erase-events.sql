DELETE FROM events WHERE user_id = $1 OR user_id = $2
RETURNING COALESCE(clip_blob, '')
