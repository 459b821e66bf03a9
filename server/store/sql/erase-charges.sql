DELETE FROM ev_charges WHERE user_id = $1 OR user_id = $2
