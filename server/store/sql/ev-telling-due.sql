SELECT e.event_id, e.session_id, e.user_id, e.device_id, e.status, e.trigger_type, e.created, e.duration, e.clip_uri, e.clip_mime, e.clip_size, e.clip_container, e.clip_blob,
  e.clip_uploaded, e.clip_etag, e.queue_job, e.enqueued, e.enqueues, e.summary, e.label, e.confidence, e.provider, e.model, e.should_notify, e.alert_reason, e.matched_rules,
  e.entities, e.actions, e.took_ms, e.stored_etag, e.seq,
  t.endpoint_id, t.tries, COALESCE(p.provider, 'webhook'), p.address, p.quiet_from, p.quiet_to, p.zone, d.label
FROM ev_tellings t JOIN events e ON e.event_id = t.event_id LEFT JOIN ev_endpoints p ON p.endpoint_id = t.endpoint_id
  LEFT JOIN ev_devices d ON d.device_id = e.device_id
WHERE t.state = 'waiting' AND t.due <= $1
  AND (t.endpoint_id = 'webhook' OR EXISTS (SELECT 1 FROM ev_subscriptions s WHERE s.device_id = e.device_id AND s.endpoint_id = t.endpoint_id))
ORDER BY t.endpoint_id, e.device_id, e.seq LIMIT $2
