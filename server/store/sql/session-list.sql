SELECT id, token, view, share, wide, host, device, mode, observers, created, active, life, note FROM sessions
