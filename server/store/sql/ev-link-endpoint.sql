INSERT INTO ev_endpoints (endpoint_id, user_id, provider, address, name, linked)
SELECT $4, l.user_id, 'telegram', l.chat_id, l.username, l.linked FROM ev_links l
WHERE l.token = $1 AND l.status = 'linked' AND l.chat_id = $2 AND l.linked = $3
ON CONFLICT (user_id, provider, address) DO UPDATE SET name = excluded.name
