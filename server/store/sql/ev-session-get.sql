SELECT session_id, device_id, user_id, status, started, stopped, prompt FROM ev_sessions
WHERE session_id = $1 AND ($2 = '' OR user_id = $2)
