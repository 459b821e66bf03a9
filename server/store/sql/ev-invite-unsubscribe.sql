DELETE FROM ev_subscriptions WHERE device_id = $2 AND invite_id = $1
  AND EXISTS (SELECT 1 FROM ev_devices d WHERE d.device_id = $2 AND ($3 = '' OR d.user_id = $3))
