SELECT e.event_id, a.attempt_id, a.provider, a.recipient, a.status, a.failure_reason, a.retryable, a.attempt_number, a.max_attempts, a.attempted, a.finished,
  a.next_retry
FROM events e LEFT JOIN ev_attempts a ON a.event_id = e.event_id
WHERE e.event_id = $1 AND ($2 = '' OR e.user_id = $2)
ORDER BY a.attempted, a.attempt_number, a.attempt_id LIMIT $3
