DELETE FROM ev_jobs WHERE event_id NOT IN (SELECT event_id FROM events)
