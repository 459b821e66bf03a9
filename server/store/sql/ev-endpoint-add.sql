INSERT INTO ev_endpoints (endpoint_id, user_id, provider, address, name, linked)
SELECT $1, d.user_id, $3, $4, $5, CAST($6 AS BIGINT) FROM ev_devices d
WHERE d.device_id = $2 AND ($7 = '' OR d.user_id = $7) AND (SELECT COUNT(*) FROM ev_endpoints o WHERE o.user_id = d.user_id) < $8
ON CONFLICT (user_id, provider, address) DO UPDATE SET name = COALESCE(excluded.name, ev_endpoints.name)
