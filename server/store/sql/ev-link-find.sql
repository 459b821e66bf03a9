SELECT status, expires, chat_id, linked FROM ev_links WHERE token = $1
