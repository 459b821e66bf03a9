SELECT c.id, c.patient_id, c.provider_id, c.type, c.status, c.scheduled_at, c.started_at, c.ended_at, c.room_id, c.initiated_by, c.appointment_id, c.ended_by,
  c.reason, c.error_details, c.recording, c.consented, c.consented_by, c.metadata, c.quality, c.fell_back, c.created_at, c.updated_at,
  p.user_id, p.status, p.invited_at, p.joined_at, p.left_at, p.video, p.audio, p.consented_at
FROM (SELECT * FROM calls
  WHERE ($1 = '' OR patient_id = $1 OR provider_id = $1 OR initiated_by = $1
    OR id IN (SELECT call_id FROM call_participants WHERE user_id = $1)) AND ($2 = '' OR patient_id = $2) AND ($3 = '' OR provider_id = $3)
    AND ($4 = '' OR status = $4) AND ($5 = '' OR type = $5) AND ($6 = '' OR appointment_id = $6) AND created_at >= $7 AND created_at <= $8
  ORDER BY created_at DESC, id LIMIT $9 OFFSET $10) c
JOIN call_participants p ON p.call_id = c.id
ORDER BY c.created_at DESC, c.id, p.user_id
