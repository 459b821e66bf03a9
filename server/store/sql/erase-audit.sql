UPDATE audit SET person = $2, action = $3, object = $4, address = $5, request = $6, salts = $7 WHERE id = $1
