-- Tokens are here as SHA-256. Times are ms since the epoch. `share`, `wide`: whose place it takes (lib/rate.h).
CREATE TABLE sessions (
        id        TEXT   NOT NULL PRIMARY KEY,
        token     BYTEA  NOT NULL,
        view      BYTEA  NOT NULL,
        share     TEXT   NOT NULL,
        wide      TEXT   NOT NULL,
        host      TEXT,
        device    TEXT,
        mode      TEXT   NOT NULL,
        observers BIGINT NOT NULL,
        created   BIGINT NOT NULL,
        active    BIGINT NOT NULL
);
