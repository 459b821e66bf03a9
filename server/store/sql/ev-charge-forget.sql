DELETE FROM ev_charges WHERE at < $1
