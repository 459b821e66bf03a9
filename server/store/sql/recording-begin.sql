UPDATE call_recordings SET status = 'recording', started_at = $2 WHERE id = $1 AND status = 'pending'
  AND NOT EXISTS (SELECT 1 FROM recording_people WHERE recording_id = $1 AND answer <> 1)
