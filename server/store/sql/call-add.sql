INSERT INTO calls (id, patient_id, provider_id, type, status, scheduled_at, started_at, ended_at, room_id, initiated_by, appointment_id, recording,
  consented, consented_by, metadata, fell_back, bandwidth_n, bandwidth, latency_n, latency, loss_n, loss, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, CAST($6 AS BIGINT), 0, 0, $7, $8, $9, CAST($10 AS BIGINT), CAST($11 AS BIGINT), $12, $13, 0, 0, 0, 0, 0, 0, 0,
  CAST($14 AS BIGINT), CAST($14 AS BIGINT)
WHERE NOT EXISTS (SELECT 1 FROM calls WHERE status IN ('scheduled', 'ringing', 'in_progress')
  AND ((patient_id = $2 AND provider_id = $3) OR (patient_id = $3 AND provider_id = $2)))
