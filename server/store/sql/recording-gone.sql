DELETE FROM call_recordings WHERE id = $1 AND deleted_at > 0 AND NOT EXISTS (SELECT 1 FROM recording_chunks WHERE recording_id = $1)
