SELECT name, instance, key, first_seen, last_seen FROM hosts ORDER BY last_seen
