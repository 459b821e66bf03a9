SELECT CAST(COALESCE(SUM(credits), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN at >= $3 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM ev_charges
WHERE user_id = COALESCE((SELECT s.user_id FROM ev_sessions s WHERE s.session_id = $4), $1) AND at >= $2
