UPDATE calls SET status = CASE WHEN status = 'in_progress' THEN 'ended' ELSE 'missed' END, ended_at = $1, updated_at = $1
WHERE (status = 'ringing' AND scheduled_at <= $2) OR (status = 'scheduled' AND scheduled_at <= $3) OR (status = 'in_progress' AND started_at <= $4)
