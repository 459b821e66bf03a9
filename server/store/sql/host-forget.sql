DELETE FROM hosts WHERE name = $1 AND instance = $2
