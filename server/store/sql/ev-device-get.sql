SELECT device_id, user_id, label, created FROM ev_devices WHERE device_id = $1
