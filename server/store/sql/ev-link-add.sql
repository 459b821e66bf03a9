INSERT INTO ev_links (attempt_id, device_id, user_id, invite_id, token, status, created, expires)
SELECT $1, d.device_id, CASE WHEN $4 = '' THEN d.user_id ELSE $3 END, $4, $5, 'pending', CAST($6 AS BIGINT), CAST($7 AS BIGINT) FROM ev_devices d
WHERE d.device_id = $2 AND ($3 = '' OR $4 <> '' OR d.user_id = $3)
  AND (SELECT COUNT(*) FROM ev_links o WHERE o.user_id = CASE WHEN $4 = '' THEN d.user_id ELSE $3 END AND o.status = 'pending' AND o.expires > $6) < $8
