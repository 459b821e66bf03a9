SELECT name, role, member_of, password, created, password_set, identity FROM users ORDER BY created
