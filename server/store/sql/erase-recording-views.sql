UPDATE call_recordings SET viewed_by = CASE WHEN viewed_by = $1 OR viewed_by = $2 THEN NULL ELSE viewed_by END,
  stopped_by = CASE WHEN stopped_by = $1 OR stopped_by = $2 THEN NULL ELSE stopped_by END
WHERE viewed_by = $1 OR viewed_by = $2 OR stopped_by = $1 OR stopped_by = $2
