SELECT session_id, device_id, status, started, stopped, COALESCE(prompt, '') FROM ev_sessions WHERE (user_id = $1 OR user_id = $2)
ORDER BY started DESC LIMIT $3
