-- Phones and benches that notice something (server/events): whose they are, when they watched, what they saw, what is to be looked at,
-- who was told. Times are ms since the epoch, 0: not yet. `user_id`: '' is nobody's. Lists are JSON texts.
CREATE TABLE ev_people (
        user_id   TEXT   NOT NULL PRIMARY KEY,
        email     TEXT   NOT NULL,
        created   BIGINT NOT NULL
);
-- Tokens are here as SHA-256.
CREATE TABLE ev_logins (
        token     BYTEA  NOT NULL PRIMARY KEY,
        user_id   TEXT   NOT NULL,
        created   BIGINT NOT NULL,
        expires   BIGINT NOT NULL
);
CREATE TABLE ev_devices (
        device_id TEXT   NOT NULL PRIMARY KEY,
        user_id   TEXT   NOT NULL,
        label     TEXT,
        created   BIGINT NOT NULL
);
CREATE TABLE ev_sessions (
        session_id TEXT   NOT NULL PRIMARY KEY,
        device_id  TEXT   NOT NULL,
        user_id    TEXT   NOT NULL,
        status     TEXT   NOT NULL,
        started    BIGINT NOT NULL,
        stopped    BIGINT NOT NULL,
        prompt     TEXT
);
CREATE INDEX ev_sessions_device ON ev_sessions (device_id);
-- `seq`: their order, and the cursor of pages. `confidence` is in millionths, -1: none; `should_notify` 0, 1, -1: not said; `duration` in
-- us. `stored_etag`: of what lies there, '' while nothing does.
CREATE TABLE events (
        event_id       TEXT   NOT NULL PRIMARY KEY,
        session_id     TEXT   NOT NULL,
        user_id        TEXT   NOT NULL,
        device_id      TEXT   NOT NULL,
        status         TEXT   NOT NULL,
        trigger_type   TEXT   NOT NULL,
        created        BIGINT NOT NULL,
        duration       BIGINT NOT NULL,
        clip_uri       TEXT   NOT NULL,
        clip_mime      TEXT   NOT NULL,
        clip_size      BIGINT NOT NULL,
        clip_container TEXT,
        clip_blob      TEXT,
        clip_uploaded  BIGINT NOT NULL DEFAULT 0,
        clip_etag      TEXT,
        queue_job      TEXT,
        enqueued       BIGINT NOT NULL DEFAULT 0,
        enqueues       BIGINT NOT NULL DEFAULT 0,
        summary        TEXT,
        label          TEXT,
        confidence     BIGINT NOT NULL DEFAULT -1,
        provider       TEXT,
        model          TEXT,
        should_notify  BIGINT NOT NULL DEFAULT -1,
        alert_reason   TEXT,
        matched_rules  TEXT,
        entities       TEXT,
        actions        TEXT,
        took_ms        BIGINT NOT NULL DEFAULT -1,
        stored_etag    TEXT   NOT NULL DEFAULT '',
        seq            BIGINT NOT NULL
);
CREATE UNIQUE INDEX events_seq ON events (seq);
CREATE INDEX events_session ON events (session_id, seq);
-- What a worker is to look at. `state`: waiting, leased (until `ready`), dead (`reason`).
CREATE TABLE ev_jobs (
        job_id     TEXT   NOT NULL PRIMARY KEY,
        event_id   TEXT   NOT NULL,
        session_id TEXT   NOT NULL,
        state      TEXT   NOT NULL,
        attempts   BIGINT NOT NULL,
        ready      BIGINT NOT NULL,
        lease      TEXT   NOT NULL,
        worker     TEXT   NOT NULL,
        created    BIGINT NOT NULL,
        reason     TEXT
);
CREATE INDEX ev_jobs_ready ON ev_jobs (state, ready);
CREATE TABLE ev_attempts (
        attempt_id     TEXT   NOT NULL PRIMARY KEY,
        event_id       TEXT   NOT NULL,
        provider       TEXT   NOT NULL,
        recipient      TEXT   NOT NULL,
        status         TEXT   NOT NULL,
        failure_reason TEXT,
        retryable      BIGINT NOT NULL,
        attempt_number BIGINT NOT NULL,
        max_attempts   BIGINT NOT NULL,
        attempted      BIGINT NOT NULL,
        finished       BIGINT NOT NULL,
        next_retry     BIGINT NOT NULL
);
CREATE INDEX ev_attempts_event ON ev_attempts (event_id);
