INSERT INTO recording_tracks (recording_id, track, user_id, kind, mime, offset_ms, chunks)
SELECT $1, $2, $3, $4, $5, CAST($6 AS BIGINT), -1 WHERE (SELECT COUNT(*) FROM recording_tracks WHERE recording_id = $1) < CAST($7 AS BIGINT)
ON CONFLICT DO NOTHING
