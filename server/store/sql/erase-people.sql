DELETE FROM ev_people WHERE user_id = $1 OR user_id = $2
