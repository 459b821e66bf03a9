DELETE FROM events WHERE event_id IN (SELECT event_id FROM events WHERE user_id = $1 AND created < $2 ORDER BY created LIMIT $3)
RETURNING event_id, clip_blob
