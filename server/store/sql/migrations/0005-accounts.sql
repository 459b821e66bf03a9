-- Persons: a password is argon2id's text. Groups: where their members may do how much. Logins: who is signed in on which page, and
-- tokens that persons made for themselves (SHA-256).
CREATE TABLE users (
        name      TEXT   NOT NULL PRIMARY KEY,
        role      TEXT   NOT NULL,
        member_of TEXT   NOT NULL,
        password  TEXT,
        created   BIGINT NOT NULL,
        password_set BIGINT NOT NULL
);
CREATE TABLE user_groups (
        name      TEXT   NOT NULL PRIMARY KEY,
        role      TEXT   NOT NULL,
        devices   TEXT   NOT NULL,
        created   BIGINT NOT NULL
);
CREATE TABLE logins (
        id        TEXT   NOT NULL PRIMARY KEY,
        token     BYTEA  NOT NULL,
        person    TEXT   NOT NULL,
        kind      TEXT   NOT NULL,
        about     TEXT   NOT NULL,
        address   TEXT   NOT NULL,
        created   BIGINT NOT NULL,
        expires   BIGINT NOT NULL,
        last_seen BIGINT NOT NULL
);
-- What happened, the newest with the largest number.
CREATE TABLE audit (
        id        BIGINT NOT NULL PRIMARY KEY,
        at        BIGINT NOT NULL,
        person    TEXT   NOT NULL,
        action    TEXT   NOT NULL,
        object    TEXT   NOT NULL,
        outcome   TEXT   NOT NULL,
        address   TEXT   NOT NULL,
        request   TEXT   NOT NULL
);
