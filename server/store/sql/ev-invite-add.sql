INSERT INTO ev_invites (invite_id, device_id, user_id, code, status, created, expires)
SELECT $1, d.device_id, d.user_id, $4, 'pending', CAST($5 AS BIGINT), CAST($6 AS BIGINT) FROM ev_devices d
WHERE d.device_id = $2 AND ($3 = '' OR d.user_id = $3)
  AND (SELECT COUNT(*) FROM ev_invites o WHERE o.user_id = d.user_id AND o.status = 'pending' AND o.expires > $5) < $7
