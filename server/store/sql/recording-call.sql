SELECT c.status, p.user_id, p.status, p.consented_at,
  (SELECT COUNT(*) FROM call_recordings r WHERE r.call_id = c.id AND r.status IN ('pending', 'recording') AND r.deleted_at = 0),
  (SELECT COUNT(*) FROM call_recordings r WHERE r.call_id = c.id),
  CASE WHEN $2 = '' OR c.patient_id = $2 OR c.provider_id = $2 OR c.initiated_by = $2
    OR EXISTS (SELECT 1 FROM call_participants q WHERE q.call_id = c.id AND q.user_id = $2) THEN 1 ELSE 0 END
FROM calls c JOIN call_participants p ON p.call_id = c.id WHERE c.id = $1 ORDER BY p.user_id
