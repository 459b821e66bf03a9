DELETE FROM ev_links WHERE user_id = $1 OR user_id = $2
