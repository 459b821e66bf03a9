SELECT event_id, session_id, user_id, device_id, status, trigger_type, created, duration, clip_uri, clip_mime, clip_size, clip_container, clip_blob,
  clip_uploaded, clip_etag, queue_job, enqueued, enqueues, summary, label, confidence, provider, model, should_notify, alert_reason, matched_rules,
  entities, actions, took_ms, stored_etag, seq
FROM events
WHERE seq < $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR session_id = $3) AND ($4 = '' OR device_id = $4) AND ($5 = '' OR label = $5)
  AND created >= $6 AND created < $7 AND (CAST($8 AS BIGINT) < -1 OR should_notify = $8) AND ($9 = '' OR status = $9)
  AND ($10 = '' OR LOWER(COALESCE(summary, '')) LIKE $10 ESCAPE '!' OR LOWER(COALESCE(alert_reason, '')) LIKE $10 ESCAPE '!'
    OR LOWER(COALESCE(entities, '')) LIKE $10 ESCAPE '!' OR LOWER(COALESCE(actions, '')) LIKE $10 ESCAPE '!' OR LOWER(trigger_type) LIKE $10 ESCAPE '!')
ORDER BY seq DESC LIMIT $11
