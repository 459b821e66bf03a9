SELECT id, type, status, patient_id, provider_id, created_at, started_at, ended_at FROM calls
WHERE patient_id = $1 OR provider_id = $1 OR (initiated_by = $1 AND $2 <> '')
  OR id IN (SELECT call_id FROM call_participants WHERE user_id = $1) ORDER BY created_at DESC, id LIMIT $3
