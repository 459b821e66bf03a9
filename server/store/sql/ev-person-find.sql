SELECT user_id FROM ev_people WHERE ($2 <> '' AND email = $2) OR user_id = $1
ORDER BY CASE WHEN $2 <> '' AND email = $2 THEN 0 ELSE 1 END LIMIT 1
