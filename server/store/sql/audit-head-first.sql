INSERT INTO audit_head (one, id, hash, base_id, base_hash, writes) VALUES (1, 0, $1, 0, $1, 0)
ON CONFLICT (one) DO NOTHING
