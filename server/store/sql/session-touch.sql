UPDATE sessions SET created = $2, active = $3 WHERE id = $1
