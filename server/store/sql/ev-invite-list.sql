SELECT d.device_id, i.invite_id, i.status, i.created, i.expires, i.accepted, i.revoked, i.chat_id, i.username
FROM ev_devices d LEFT JOIN ev_invites i ON i.device_id = d.device_id
WHERE d.device_id = $1 AND ($2 = '' OR d.user_id = $2)
ORDER BY i.created, i.invite_id
