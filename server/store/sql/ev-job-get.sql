SELECT j.job_id, j.attempts, j.ready, e.event_id, e.session_id, e.device_id, e.clip_blob, e.clip_container, e.clip_mime, s.prompt, e.clip_size, e.stored_etag
FROM ev_jobs j JOIN events e ON e.event_id = j.event_id LEFT JOIN ev_sessions s ON s.session_id = e.session_id WHERE j.lease = $1
