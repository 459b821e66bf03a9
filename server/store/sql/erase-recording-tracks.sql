UPDATE recording_tracks SET user_id = '' WHERE user_id = $1 OR user_id = $2
