SELECT c.id, c.patient_id, c.provider_id, c.type, c.status, c.scheduled_at, c.started_at, c.ended_at, c.room_id, c.initiated_by, c.appointment_id, c.ended_by,
  c.reason, c.error_details, c.recording, c.consented, c.consented_by, c.metadata, c.quality, c.fell_back, c.created_at, c.updated_at,
  p.user_id, p.status, p.invited_at, p.joined_at, p.left_at, p.video, p.audio, p.consented_at
FROM calls c JOIN call_participants p ON p.call_id = c.id
WHERE c.id = $1
ORDER BY p.user_id
