SELECT t.event_id, t.endpoint_id, t.tries, COALESCE(p.provider, 'webhook'), p.address
FROM ev_tellings t LEFT JOIN ev_endpoints p ON p.endpoint_id = t.endpoint_id WHERE t.state = 'begun' LIMIT $1
