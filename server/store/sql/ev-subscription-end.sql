DELETE FROM ev_subscriptions WHERE device_id = $1 AND endpoint_id = $2
RETURNING endpoint_id
