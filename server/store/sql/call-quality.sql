UPDATE calls SET quality = $2, fell_back = CASE WHEN CAST($3 AS BIGINT) = 1 THEN 1 ELSE fell_back END, bandwidth_n = bandwidth_n + $4,
  bandwidth = bandwidth + $5, latency_n = latency_n + $6, latency = latency + $7, loss_n = loss_n + $8, loss = loss + $9, updated_at = $10
WHERE id = $1
