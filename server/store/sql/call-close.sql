UPDATE calls SET status = $2, ended_at = $3, updated_at = $3, ended_by = $4, reason = $5, error_details = $6 WHERE id = $1 AND status = $7
