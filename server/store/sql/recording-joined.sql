INSERT INTO recording_people (recording_id, user_id, answer, method, said_by, answered_at)
SELECT r.id, $2, 0, r.method, '', 0 FROM call_recordings r WHERE r.call_id = $1 AND r.status IN ('pending', 'recording') AND r.deleted_at = 0
ON CONFLICT DO NOTHING
