INSERT INTO ev_jobs (job_id, event_id, session_id, state, attempts, ready, lease, worker, created)
SELECT $1, e.event_id, e.session_id, 'waiting', 0, CAST($3 AS BIGINT), '', '', CAST($3 AS BIGINT) FROM events e WHERE e.event_id = $2 AND e.queue_job = $1 AND e.status = 'processing'
ON CONFLICT (job_id) DO NOTHING
