UPDATE events SET status = 'canceled'
WHERE session_id = $1 AND status IN ('queued', 'processing') AND EXISTS (SELECT 1 FROM ev_sessions s WHERE s.session_id = $1 AND ($2 = '' OR s.user_id = $2))
RETURNING 'event', event_id
