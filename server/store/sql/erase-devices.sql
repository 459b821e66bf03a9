DELETE FROM ev_devices WHERE user_id = $1 OR user_id = $2
