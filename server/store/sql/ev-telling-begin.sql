UPDATE ev_tellings SET state = 'begun' WHERE event_id = $1 AND endpoint_id = $2 AND state = 'waiting'
