DELETE FROM user_groups WHERE name = $1
