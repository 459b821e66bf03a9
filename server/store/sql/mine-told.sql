SELECT provider, address, COALESCE(name, ''), linked FROM ev_endpoints WHERE (user_id = $1 OR user_id = $2) ORDER BY linked LIMIT $3
