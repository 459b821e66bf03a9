DELETE FROM call_guests WHERE made_by = $1 OR made_by = $2 OR call_id IN (SELECT id FROM calls
  WHERE patient_id = $1 OR provider_id = $1 OR initiated_by = $1 OR patient_id = $2 OR provider_id = $2)
