-- Hosts that an admin let in: a token (SHA-256), good once until `expires`, from then on for the key that came with it.
CREATE TABLE enrolments (
        id         TEXT   NOT NULL PRIMARY KEY,
        token      BYTEA  NOT NULL,
        name       TEXT,
        host       TEXT,
        key        TEXT,
        created    BIGINT NOT NULL,
        expires    BIGINT NOT NULL,
        first_seen BIGINT NOT NULL,
        last_seen  BIGINT NOT NULL
);
