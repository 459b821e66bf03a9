UPDATE recording_people SET answer = $3, method = $4, said_by = $2, answered_at = $5 WHERE recording_id = $1 AND user_id = $2
