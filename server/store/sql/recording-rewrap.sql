UPDATE call_recordings SET key_id = $3, wrapped = $4, wrapped_at = $5 WHERE id = $1 AND key_id = $2 AND wrapped <> ''
