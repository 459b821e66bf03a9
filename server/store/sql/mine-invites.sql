SELECT device_id, status, created, COALESCE(chat_id, ''), COALESCE(username, '') FROM ev_invites WHERE (user_id = $1 OR user_id = $2) ORDER BY created DESC LIMIT $3
