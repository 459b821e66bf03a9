INSERT INTO ev_logins (token, user_id, created, expires) VALUES ($1, $2, $3, $4)
