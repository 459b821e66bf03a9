UPDATE events SET stored_etag = $2, clip_container = $3, clip_uri = $4 WHERE event_id = $1 AND clip_uploaded = 0
