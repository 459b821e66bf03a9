SELECT status, type, COUNT(*), CAST(SUM(CASE WHEN started_at > 0 AND ended_at > started_at THEN (ended_at - started_at) / 1000 ELSE 0 END) AS BIGINT),
  CAST(SUM(bandwidth_n) AS BIGINT), CAST(SUM(bandwidth) AS BIGINT), CAST(SUM(latency_n) AS BIGINT), CAST(SUM(latency) AS BIGINT),
  CAST(SUM(loss_n) AS BIGINT), CAST(SUM(loss) AS BIGINT), CAST(SUM(fell_back) AS BIGINT)
FROM calls
WHERE ($1 = '' OR patient_id = $1 OR provider_id = $1) AND created_at >= $2 AND created_at <= $3
GROUP BY status, type
