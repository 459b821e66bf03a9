DELETE FROM ev_tellings WHERE event_id IN (SELECT event_id FROM events WHERE user_id = $1 OR user_id = $2)
  OR endpoint_id IN (SELECT endpoint_id FROM ev_endpoints WHERE user_id = $1 OR user_id = $2)
