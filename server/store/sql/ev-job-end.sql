DELETE FROM ev_jobs WHERE event_id = $1
