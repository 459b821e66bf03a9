DELETE FROM events WHERE event_id = $1 AND ($2 = '' OR user_id = $2)
RETURNING clip_blob
