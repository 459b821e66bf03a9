SELECT t.user_id, t.chunks, COALESCE((SELECT size FROM recording_chunks k WHERE k.recording_id = t.recording_id AND k.track = t.track AND k.n = $3), -1),
  COALESCE((SELECT stored FROM recording_chunks k WHERE k.recording_id = t.recording_id AND k.track = t.track AND k.n = $3), 0)
FROM recording_tracks t WHERE t.recording_id = $1 AND t.track = $2
