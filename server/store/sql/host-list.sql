SELECT name, instance, key, first_seen, last_seen, names_server FROM hosts ORDER BY last_seen
