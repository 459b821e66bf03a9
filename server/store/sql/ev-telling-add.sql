INSERT INTO ev_tellings (event_id, endpoint_id, state, due)
SELECT e.event_id, s.endpoint_id, 'waiting', CAST($2 AS BIGINT) FROM events e JOIN ev_subscriptions s ON s.device_id = e.device_id
WHERE e.event_id = $1 AND e.status = 'done' AND e.should_notify = 1
ON CONFLICT (event_id, endpoint_id) DO NOTHING
