DELETE FROM recording_chunks WHERE recording_id = $1 AND track = $2 AND n = $3
