DELETE FROM recording_links WHERE made_by = $1 OR made_by = $2
