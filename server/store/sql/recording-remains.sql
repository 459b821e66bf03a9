SELECT r.id, COALESCE(k.track, ''), COALESCE(k.n, -1) FROM call_recordings r LEFT JOIN recording_chunks k ON k.recording_id = r.id
WHERE r.deleted_at > 0 ORDER BY r.id, k.track, k.n LIMIT $1
