UPDATE audit_head SET id = $1, hash = $2, base_id = $3, base_hash = $4 WHERE one = 1
