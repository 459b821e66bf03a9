DELETE FROM ev_endpoints WHERE user_id = $1 OR user_id = $2
