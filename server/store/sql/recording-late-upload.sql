UPDATE call_recordings SET completed_at = $1, status = CASE
  WHEN EXISTS (SELECT 1 FROM recording_chunks k WHERE k.recording_id = call_recordings.id AND k.stored = 1) THEN 'completed' ELSE 'failed' END
WHERE status = 'processing' AND (stopped_at <= $2 OR (EXISTS (SELECT 1 FROM recording_tracks t WHERE t.recording_id = call_recordings.id)
  AND NOT EXISTS (SELECT 1 FROM recording_tracks t WHERE t.recording_id = call_recordings.id AND (t.chunks < 0 OR t.chunks >
    (SELECT COUNT(*) FROM recording_chunks k WHERE k.recording_id = t.recording_id AND k.track = t.track AND k.stored = 1)))))
