UPDATE hosts SET names_server = 1 WHERE name = $1 AND instance = $2
