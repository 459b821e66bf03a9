INSERT INTO ev_attempts (attempt_id, event_id, provider, recipient, status, failure_reason, retryable, attempt_number, max_attempts, attempted, finished,
  next_retry)
SELECT $1, e.event_id, $3, $4, $5, $6, CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS BIGINT), CAST($12 AS BIGINT)
FROM events e WHERE e.event_id = $2
