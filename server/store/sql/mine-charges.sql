SELECT at, credits FROM ev_charges WHERE (user_id = $1 OR user_id = $2) ORDER BY at DESC LIMIT $3
