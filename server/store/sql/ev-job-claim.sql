UPDATE ev_jobs SET state = 'leased', attempts = attempts + 1, lease = $1, worker = $2, ready = $4
WHERE job_id = (SELECT job_id FROM ev_jobs WHERE state <> 'dead' AND ready <= $3 AND attempts < $5 ORDER BY ready, created, job_id LIMIT 1)
