SELECT event_id, session_id, user_id, device_id, status, trigger_type, created, duration, clip_uri, clip_mime, clip_size, clip_container, clip_blob,
  clip_uploaded, clip_etag, queue_job, enqueued, enqueues, summary, label, confidence, provider, model, should_notify, alert_reason, matched_rules,
  entities, actions, took_ms, stored_etag, seq
FROM events WHERE event_id = $1 AND ($2 = '' OR user_id = $2)
