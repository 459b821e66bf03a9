UPDATE ev_invites SET status = 'expired' WHERE device_id = $1 AND status = 'pending' AND expires <= $2
