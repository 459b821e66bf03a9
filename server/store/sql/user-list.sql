SELECT name, role, member_of, password, created, password_set FROM users ORDER BY created
