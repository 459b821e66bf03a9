SELECT COUNT(*) FROM calls
WHERE ($1 = '' OR patient_id = $1 OR provider_id = $1 OR initiated_by = $1
    OR id IN (SELECT call_id FROM call_participants WHERE user_id = $1)) AND ($2 = '' OR patient_id = $2) AND ($3 = '' OR provider_id = $3)
  AND ($4 = '' OR status = $4) AND ($5 = '' OR type = $5) AND ($6 = '' OR appointment_id = $6) AND created_at >= $7 AND created_at <= $8
