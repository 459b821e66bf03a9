SELECT user_id, email, created FROM ev_people WHERE (user_id = $1 OR user_id = $2) LIMIT $3
