-- Who is told of events, and of which he is still to be told. Times are ms since the epoch, 0: not yet. Tokens and codes are here as SHA-256, in hexadecimal digits.
-- `address`: a chat of Telegram, a topic of ntfy, a mail address. `quiet_from`, `quiet_to`: minutes of the day in `zone`, -1: none.
CREATE TABLE ev_endpoints (
        endpoint_id TEXT   NOT NULL PRIMARY KEY,
        user_id     TEXT   NOT NULL,
        provider    TEXT   NOT NULL,
        address     TEXT   NOT NULL,
        name        TEXT,
        linked      BIGINT NOT NULL,
        quiet_from  BIGINT NOT NULL DEFAULT -1,
        quiet_to    BIGINT NOT NULL DEFAULT -1,
        zone        TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX ev_endpoints_whom ON ev_endpoints (user_id, provider, address);
-- `invite_id`: '' for the owner's own.
CREATE TABLE ev_subscriptions (
        device_id   TEXT   NOT NULL,
        endpoint_id TEXT   NOT NULL,
        invite_id   TEXT   NOT NULL,
        created     BIGINT NOT NULL,
        PRIMARY KEY (device_id, endpoint_id)
);
CREATE TABLE ev_invites (
        invite_id TEXT   NOT NULL PRIMARY KEY,
        device_id TEXT   NOT NULL,
        user_id   TEXT   NOT NULL,
        code      TEXT   NOT NULL,
        status    TEXT   NOT NULL,
        created   BIGINT NOT NULL,
        expires   BIGINT NOT NULL,
        accepted  BIGINT NOT NULL DEFAULT 0,
        revoked   BIGINT NOT NULL DEFAULT 0,
        chat_id   TEXT,
        username  TEXT
);
CREATE UNIQUE INDEX ev_invites_code ON ev_invites (code);
CREATE INDEX ev_invites_device ON ev_invites (device_id);
CREATE TABLE ev_links (
        attempt_id TEXT   NOT NULL PRIMARY KEY,
        device_id  TEXT   NOT NULL,
        user_id    TEXT   NOT NULL,
        invite_id  TEXT   NOT NULL,
        token      TEXT   NOT NULL,
        status     TEXT   NOT NULL,
        created    BIGINT NOT NULL,
        expires    BIGINT NOT NULL,
        linked     BIGINT NOT NULL DEFAULT 0,
        chat_id    TEXT,
        username   TEXT
);
CREATE UNIQUE INDEX ev_links_token ON ev_links (token);
-- One row for each event and each who is told of it: that is what keeps it at once. `state`: waiting (until `due`), begun, done, failed.
CREATE TABLE ev_tellings (
        event_id    TEXT   NOT NULL,
        endpoint_id TEXT   NOT NULL,
        state       TEXT   NOT NULL,
        tries       BIGINT NOT NULL DEFAULT 0,
        due         BIGINT NOT NULL,
        PRIMARY KEY (event_id, endpoint_id)
);
CREATE INDEX ev_tellings_due ON ev_tellings (state, due);
