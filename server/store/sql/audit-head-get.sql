SELECT id, hash, base_id, base_hash FROM audit_head WHERE one = 1
