DELETE FROM ev_endpoints WHERE endpoint_id = $1
