DELETE FROM call_guests WHERE call_id = $1
