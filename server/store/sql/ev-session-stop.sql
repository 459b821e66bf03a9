UPDATE ev_sessions SET stopped = CASE WHEN status = 'stopped' THEN stopped ELSE $3 END, status = 'stopped'
WHERE session_id = $1 AND ($2 = '' OR user_id = $2)
