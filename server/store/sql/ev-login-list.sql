SELECT token, user_id, expires FROM ev_logins ORDER BY created DESC LIMIT $1
