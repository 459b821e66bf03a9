UPDATE recording_chunks SET stored = 1 WHERE recording_id = $1 AND track = $2 AND n = $3 AND size = $4
