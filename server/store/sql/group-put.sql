INSERT INTO user_groups (name, role, devices, created)
VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, devices = excluded.devices
