-- Recordings of calls (server/recordings). Times are ms since the epoch, 0: not yet. `wrapped`: the recording's key, sealed by the master key `key_id`, in
-- hexadecimal digits; '': destroyed, and with it whatever of its chunks is left anywhere. `answer`: 0 asked, 1 agreed, 2 refused; `said_by`: who says so.
CREATE TABLE call_recordings (
        id           TEXT   NOT NULL PRIMARY KEY,
        call_id      TEXT   NOT NULL,
        status       TEXT   NOT NULL,
        started_by   TEXT   NOT NULL,
        stopped_by   TEXT,
        method       TEXT   NOT NULL,
        reason       TEXT,
        created_at   BIGINT NOT NULL,
        started_at   BIGINT NOT NULL,
        stopped_at   BIGINT NOT NULL,
        completed_at BIGINT NOT NULL,
        expires_at   BIGINT NOT NULL,
        deleted_at   BIGINT NOT NULL,
        views        BIGINT NOT NULL,
        viewed_at    BIGINT NOT NULL,
        viewed_by    TEXT,
        key_id       TEXT   NOT NULL,
        wrapped      TEXT   NOT NULL,
        wrapped_at   BIGINT NOT NULL
);
CREATE INDEX call_recordings_call ON call_recordings (call_id, status);
CREATE INDEX call_recordings_created ON call_recordings (created_at);
CREATE INDEX call_recordings_status ON call_recordings (status, deleted_at);
CREATE TABLE recording_people (
        recording_id TEXT   NOT NULL,
        user_id      TEXT   NOT NULL,
        answer       BIGINT NOT NULL,
        method       TEXT   NOT NULL,
        said_by      TEXT   NOT NULL,
        answered_at  BIGINT NOT NULL,
        PRIMARY KEY (recording_id, user_id)
);
CREATE INDEX recording_people_user ON recording_people (user_id);
CREATE TABLE recording_tracks (
        recording_id TEXT   NOT NULL,
        track        TEXT   NOT NULL,
        user_id      TEXT   NOT NULL,
        kind         TEXT   NOT NULL,
        mime         TEXT   NOT NULL,
        offset_ms    BIGINT NOT NULL,
        chunks       BIGINT NOT NULL,
        PRIMARY KEY (recording_id, track)
);
CREATE TABLE recording_chunks (
        recording_id TEXT   NOT NULL,
        track        TEXT   NOT NULL,
        n            BIGINT NOT NULL,
        size         BIGINT NOT NULL,
        stored       BIGINT NOT NULL,
        PRIMARY KEY (recording_id, track, n)
);
CREATE TABLE recording_links (
        token        TEXT   NOT NULL PRIMARY KEY,
        recording_id TEXT   NOT NULL,
        made_by      TEXT   NOT NULL,
        expires_at   BIGINT NOT NULL
);
CREATE INDEX recording_links_recording ON recording_links (recording_id)
