DELETE FROM ev_invites WHERE user_id = $1 OR user_id = $2
