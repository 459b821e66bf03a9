DELETE FROM ev_endpoints WHERE endpoint_id = $1 AND NOT EXISTS (SELECT 1 FROM ev_subscriptions s WHERE s.endpoint_id = $1)
