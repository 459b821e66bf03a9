SELECT id, COALESCE(host, ''), COALESCE(device, ''), mode, created, COALESCE(note, '') FROM sessions WHERE share = $1 AND $2 <> ''
ORDER BY created LIMIT $3
