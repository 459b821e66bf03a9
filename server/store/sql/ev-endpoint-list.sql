SELECT d.device_id, p.endpoint_id, p.provider, p.address, p.name, p.linked, p.quiet_from, p.quiet_to, p.zone, CASE WHEN s.endpoint_id IS NULL THEN 0 ELSE 1 END, d.label
FROM ev_devices d LEFT JOIN ev_endpoints p ON p.user_id = d.user_id
    OR EXISTS (SELECT 1 FROM ev_subscriptions o WHERE o.device_id = d.device_id AND o.endpoint_id = p.endpoint_id)
  LEFT JOIN ev_subscriptions s ON s.device_id = d.device_id AND s.endpoint_id = p.endpoint_id
WHERE d.device_id = $1 AND ($2 = '' OR d.user_id = $2)
ORDER BY p.linked, p.endpoint_id
