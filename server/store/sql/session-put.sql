INSERT INTO sessions (id, token, view, share, wide, host, device, mode, observers, created, active, life, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET created = excluded.created, active = excluded.active, mode = excluded.mode,
        observers = excluded.observers, life = excluded.life, note = excluded.note
