SELECT COALESCE(MIN(applied), 0) FROM migrations
