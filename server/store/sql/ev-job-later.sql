UPDATE ev_jobs SET state = 'waiting', ready = $3, lease = '', attempts = attempts - 1 WHERE job_id = $1 AND lease = $2 AND state = 'leased'
RETURNING event_id
