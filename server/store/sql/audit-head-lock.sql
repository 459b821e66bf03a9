UPDATE audit_head SET writes = writes + 1 WHERE one = 1
RETURNING id, hash, base_id, base_hash
