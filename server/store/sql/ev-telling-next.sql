SELECT COALESCE(MIN(t.due), 0) FROM ev_tellings t JOIN events e ON e.event_id = t.event_id
WHERE t.state = 'waiting'
  AND (t.endpoint_id = 'webhook' OR EXISTS (SELECT 1 FROM ev_subscriptions s WHERE s.device_id = e.device_id AND s.endpoint_id = t.endpoint_id))
