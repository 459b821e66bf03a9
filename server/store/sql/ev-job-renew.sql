UPDATE ev_jobs SET ready = $3 WHERE job_id = $1 AND lease = $2 AND state = 'leased'
RETURNING event_id
