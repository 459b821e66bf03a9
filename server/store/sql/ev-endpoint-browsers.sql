SELECT address FROM ev_endpoints WHERE user_id = $1 AND provider = 'push' ORDER BY linked DESC LIMIT $2
