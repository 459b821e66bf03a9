INSERT INTO ev_charges (seq, user_id, at, credits)
SELECT CAST($1 AS BIGINT), s.user_id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM ev_sessions s
WHERE s.session_id = $4 AND s.device_id = $5 AND ($6 = '' OR s.user_id = $6) AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = $7)
  AND (CAST($8 AS BIGINT) = 0 OR (SELECT COALESCE(SUM(c.credits), 0) FROM ev_charges c WHERE c.user_id = s.user_id AND c.at >= $9) + $3 <= $8)
  AND (CAST($10 AS BIGINT) = 0 OR (SELECT COUNT(*) FROM ev_charges c WHERE c.user_id = s.user_id AND c.at >= $11) < $10)
