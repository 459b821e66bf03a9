DELETE FROM recording_tracks WHERE recording_id = $1 AND NOT EXISTS (SELECT 1 FROM recording_chunks WHERE recording_id = $1)
