SELECT e.event_id, e.session_id, e.user_id, e.device_id, e.status, e.trigger_type, e.created, e.duration, e.clip_uri, e.clip_mime, e.clip_size, e.clip_container, e.clip_blob,
  e.clip_uploaded, e.clip_etag, e.queue_job, e.enqueued, e.enqueues, e.summary, e.label, e.confidence, e.provider, e.model, e.should_notify, e.alert_reason, e.matched_rules,
  e.entities, e.actions, e.took_ms, e.stored_etag, e.seq
FROM ev_sessions s LEFT JOIN events e ON e.event_id = $1 WHERE s.session_id = $2 AND s.device_id = $3 AND ($4 = '' OR s.user_id = $4)
