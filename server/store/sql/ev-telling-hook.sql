INSERT INTO ev_tellings (event_id, endpoint_id, state, due)
SELECT e.event_id, 'webhook', 'waiting', CAST($2 AS BIGINT) FROM events e WHERE e.event_id = $1 AND e.status = 'done' AND e.should_notify = 1
ON CONFLICT (event_id, endpoint_id) DO NOTHING
