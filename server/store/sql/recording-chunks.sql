SELECT k.n, k.size, t.mime FROM recording_chunks k JOIN recording_tracks t ON t.recording_id = k.recording_id AND t.track = k.track
WHERE k.recording_id = $1 AND k.track = $2 AND k.stored = 1 ORDER BY k.n
