UPDATE call_recordings SET deleted_at = $2, wrapped = '' WHERE id = $1 AND deleted_at = 0 RETURNING id
