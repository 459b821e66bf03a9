SELECT r.id, r.call_id, r.status, r.started_by, r.stopped_by, r.method, r.reason, r.created_at, r.started_at, r.stopped_at, r.completed_at, r.expires_at,
  r.views, r.viewed_at, r.viewed_by, r.key_id, r.wrapped,
  (SELECT CAST(COALESCE(SUM(k.size), 0) AS BIGINT) FROM recording_chunks k WHERE k.recording_id = r.id AND k.stored = 1),
  1, p.user_id, p.answer, p.method, p.said_by, p.answered_at
FROM recording_links l JOIN call_recordings r ON r.id = l.recording_id LEFT JOIN recording_people p ON p.recording_id = r.id
WHERE l.token = $1 AND l.expires_at > $2 AND r.deleted_at = 0 ORDER BY p.user_id
