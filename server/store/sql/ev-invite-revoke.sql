UPDATE ev_invites SET status = 'revoked', revoked = $4 WHERE invite_id = $1 AND device_id = $2
  AND EXISTS (SELECT 1 FROM ev_devices d WHERE d.device_id = $2 AND ($3 = '' OR d.user_id = $3)) AND status <> 'revoked'
