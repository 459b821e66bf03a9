UPDATE ev_jobs SET state = 'dead', reason = 'no worker finished it'
WHERE (state = 'leased' AND ready <= $1 AND attempts >= $2)
  OR (state = 'dead' AND EXISTS (SELECT 1 FROM events e WHERE e.event_id = ev_jobs.event_id AND e.status = 'processing'))
RETURNING event_id, attempts
