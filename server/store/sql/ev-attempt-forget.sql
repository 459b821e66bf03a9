DELETE FROM ev_attempts WHERE event_id NOT IN (SELECT event_id FROM events)
