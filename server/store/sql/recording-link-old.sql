DELETE FROM recording_links WHERE expires_at <= $1
