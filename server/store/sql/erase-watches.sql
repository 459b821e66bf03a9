DELETE FROM ev_sessions WHERE user_id = $1 OR user_id = $2
