SELECT t.track, t.user_id, t.kind, t.mime, t.offset_ms, t.chunks, COUNT(k.n), CAST(COALESCE(SUM(k.size), 0) AS BIGINT), COALESCE(MAX(k.n), -1)
FROM recording_tracks t LEFT JOIN recording_chunks k ON k.recording_id = t.recording_id AND k.track = t.track AND k.stored = 1
WHERE t.recording_id = $1 GROUP BY t.track, t.user_id, t.kind, t.mime, t.offset_ms, t.chunks ORDER BY t.offset_ms, t.track
