INSERT INTO ev_devices (device_id, user_id, label, created) VALUES ($1, $2, $3, $4)
ON CONFLICT (device_id) DO UPDATE SET user_id = excluded.user_id WHERE ev_devices.user_id = ''
