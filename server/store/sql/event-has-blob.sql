SELECT clip_blob FROM events WHERE event_id = $1 AND clip_blob = $2
