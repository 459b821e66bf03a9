UPDATE calls SET ended_by = NULL WHERE ended_by = $1 OR ended_by = $2
