SELECT device_id, COALESCE(label, ''), created FROM ev_devices WHERE (user_id = $1 OR user_id = $2) ORDER BY created LIMIT $3
