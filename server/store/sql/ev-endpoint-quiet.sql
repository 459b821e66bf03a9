UPDATE ev_endpoints SET quiet_from = $2, quiet_to = $3, zone = $4 WHERE endpoint_id = $1
