SELECT track, n, size FROM recording_chunks WHERE recording_id = $1 ORDER BY track, n
