DELETE FROM ev_links WHERE expires < $1
