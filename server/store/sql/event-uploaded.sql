UPDATE events SET status = $3, clip_uploaded = CASE WHEN clip_uploaded = 0 THEN $4 ELSE clip_uploaded END,
  clip_etag = COALESCE($5, clip_etag, stored_etag), queue_job = $6, enqueued = $4, enqueues = enqueues + 1
WHERE event_id = $1 AND status = $2 AND queue_job IS NULL
