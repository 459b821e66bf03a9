SELECT d.device_id, p.address, p.name, p.linked
FROM ev_devices d LEFT JOIN ev_subscriptions s ON s.device_id = d.device_id LEFT JOIN ev_endpoints p ON p.endpoint_id = s.endpoint_id AND p.provider = 'telegram'
WHERE d.device_id = $1 AND ($2 = '' OR d.user_id = $2)
ORDER BY p.linked, p.endpoint_id
