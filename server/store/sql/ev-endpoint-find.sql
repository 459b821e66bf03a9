SELECT p.endpoint_id FROM ev_devices d JOIN ev_endpoints p ON p.user_id = d.user_id
WHERE d.device_id = $1 AND ($2 = '' OR d.user_id = $2) AND p.provider = $3 AND p.address = $4
