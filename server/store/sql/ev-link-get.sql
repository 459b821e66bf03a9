SELECT l.status, l.expires, 1 FROM ev_links l WHERE l.attempt_id = $1 AND l.device_id = $2 AND ($3 = '' OR l.user_id = $3)
UNION ALL SELECT '', 0, 0 FROM ev_devices d WHERE d.device_id = $2 AND ($3 = '' OR d.user_id = $3)
