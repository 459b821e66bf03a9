UPDATE recording_tracks SET chunks = $3 WHERE recording_id = $1 AND track = $2 AND (chunks = -1 OR chunks = $3)
