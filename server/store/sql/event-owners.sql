SELECT user_id, MIN(created) FROM events GROUP BY user_id
