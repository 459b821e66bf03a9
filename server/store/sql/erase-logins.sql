DELETE FROM ev_logins WHERE user_id = $1 OR user_id = $2
