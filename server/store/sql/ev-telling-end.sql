UPDATE ev_tellings SET state = $3, tries = $4, due = $5 WHERE event_id = $1 AND endpoint_id = $2 AND state = 'begun'
