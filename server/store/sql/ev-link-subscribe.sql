INSERT INTO ev_subscriptions (device_id, endpoint_id, invite_id, created)
SELECT l.device_id, p.endpoint_id, l.invite_id, l.linked FROM ev_links l
  JOIN ev_endpoints p ON p.user_id = l.user_id AND p.provider = 'telegram' AND p.address = l.chat_id
WHERE l.token = $1 AND l.status = 'linked' AND l.chat_id = $2 AND l.linked = $3
ON CONFLICT (device_id, endpoint_id) DO NOTHING
