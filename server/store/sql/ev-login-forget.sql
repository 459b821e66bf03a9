DELETE FROM ev_logins WHERE expires <= $1
