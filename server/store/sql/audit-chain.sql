UPDATE audit SET salts = $2, prev = $3, hash = $4 WHERE id = $1
