SELECT invite_id, device_id, status, expires FROM ev_invites WHERE code = $1
