UPDATE call_recordings SET views = views + 1, viewed_at = $2, viewed_by = $3 WHERE id = $1
