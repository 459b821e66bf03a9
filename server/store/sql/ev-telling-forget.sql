DELETE FROM ev_tellings WHERE event_id NOT IN (SELECT event_id FROM events)
