DELETE FROM ev_subscriptions WHERE device_id IN (SELECT device_id FROM ev_devices WHERE user_id = $1 OR user_id = $2)
  OR endpoint_id IN (SELECT endpoint_id FROM ev_endpoints WHERE user_id = $1 OR user_id = $2)
