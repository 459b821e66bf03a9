SELECT r.id, r.call_id, r.status, r.started_at, r.stopped_at, p.answer, p.method, p.answered_at
FROM recording_people p JOIN call_recordings r ON r.id = p.recording_id WHERE r.deleted_at = 0 AND (p.user_id = $1 OR (p.user_id = $2 AND $2 <> '')) ORDER BY r.created_at DESC, r.id LIMIT $3
