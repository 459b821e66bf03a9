UPDATE call_recordings SET deleted_at = 1, wrapped = '', started_by = '', stopped_by = NULL, viewed_by = NULL
WHERE id IN (SELECT recording_id FROM recording_people WHERE user_id = $1 OR user_id = $2) OR started_by = $1 OR started_by = $2
  OR call_id IN (SELECT id FROM calls WHERE patient_id = $1 OR provider_id = $1 OR initiated_by = $1 OR patient_id = $2 OR provider_id = $2)
