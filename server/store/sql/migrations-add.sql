INSERT INTO migrations (number, name, applied) VALUES ($1, $2, $3)
