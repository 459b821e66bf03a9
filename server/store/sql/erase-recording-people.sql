DELETE FROM recording_people WHERE user_id = $1 OR user_id = $2 OR said_by = $1 OR said_by = $2
