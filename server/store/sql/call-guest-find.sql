SELECT call_id, expires_at FROM call_guests WHERE token = $1 AND call_id = $2 AND expires_at > $3
