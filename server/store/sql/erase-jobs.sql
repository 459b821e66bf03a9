DELETE FROM ev_jobs WHERE event_id IN (SELECT event_id FROM events WHERE user_id = $1 OR user_id = $2)
