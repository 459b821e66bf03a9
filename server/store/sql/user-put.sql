INSERT INTO users (name, role, member_of, password, created, password_set, identity)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET role = excluded.role, member_of = excluded.member_of, password = excluded.password, password_set = excluded.password_set, identity = excluded.identity
