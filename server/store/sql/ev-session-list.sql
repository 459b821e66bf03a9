SELECT session_id, device_id, user_id, status, started, stopped, prompt FROM
(SELECT session_id, device_id, user_id, status, started, stopped, prompt FROM ev_sessions
  WHERE ($1 = '' OR device_id = $1) AND ($2 = '' OR user_id = $2) ORDER BY started DESC, session_id LIMIT $3) AS latest
ORDER BY started, session_id
