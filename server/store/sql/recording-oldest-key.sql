SELECT COALESCE(MIN(wrapped_at), 0), COUNT(*) FROM call_recordings WHERE key_id = $1 AND wrapped <> ''
