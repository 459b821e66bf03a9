DELETE FROM call_guests WHERE expires_at <= $1 OR call_id IN (SELECT id FROM calls WHERE status IN ('ended', 'cancelled', 'failed', 'missed') AND ended_at <= $2)
