UPDATE events SET status = $3, summary = $4, label = $5, confidence = $6, provider = $7, model = $8, should_notify = $9, alert_reason = $10,
  matched_rules = $11, entities = $12, actions = $13, took_ms = $14
WHERE event_id = $1 AND status = $2
