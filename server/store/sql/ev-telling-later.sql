UPDATE ev_tellings SET due = $3 WHERE event_id = $1 AND endpoint_id = $2 AND state = 'waiting'
