INSERT INTO ev_subscriptions (device_id, endpoint_id, invite_id, created) VALUES ($1, $2, '', $3)
ON CONFLICT (device_id, endpoint_id) DO NOTHING
