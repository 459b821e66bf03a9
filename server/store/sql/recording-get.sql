SELECT r.id, r.call_id, r.status, r.started_by, r.stopped_by, r.method, r.reason, r.created_at, r.started_at, r.stopped_at, r.completed_at, r.expires_at,
  r.views, r.viewed_at, r.viewed_by, r.key_id, r.wrapped,
  (SELECT CAST(COALESCE(SUM(k.size), 0) AS BIGINT) FROM recording_chunks k WHERE k.recording_id = r.id AND k.stored = 1),
  CASE WHEN $2 = '' OR EXISTS (SELECT 1 FROM call_participants q WHERE q.call_id = r.call_id AND q.user_id = $2)
    OR EXISTS (SELECT 1 FROM calls c WHERE c.id = r.call_id AND (c.patient_id = $2 OR c.provider_id = $2 OR c.initiated_by = $2)) THEN 1 ELSE 0 END,
  p.user_id, p.answer, p.method, p.said_by, p.answered_at
FROM call_recordings r LEFT JOIN recording_people p ON p.recording_id = r.id
WHERE r.call_id = $1 AND r.id = $3 AND r.deleted_at = 0 ORDER BY p.user_id
