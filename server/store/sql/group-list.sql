SELECT name, role, devices, created FROM user_groups ORDER BY created
