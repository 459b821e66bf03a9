SELECT c.id, c.patient_id, c.provider_id, c.type, c.status, c.scheduled_at, c.started_at, c.ended_at, c.room_id, c.initiated_by
FROM calls c JOIN call_participants p ON p.call_id = c.id
WHERE p.user_id = $1 AND p.status = 'invited' AND c.status = 'ringing' AND c.initiated_by <> $1
ORDER BY c.created_at LIMIT 8
