DELETE FROM ev_jobs
WHERE session_id = $1 AND state <> 'dead' AND EXISTS (SELECT 1 FROM ev_sessions s WHERE s.session_id = $1 AND ($2 = '' OR s.user_id = $2))
RETURNING state, job_id
