-- Each entry carries the hash of the one before it (server/store/audit_row.h). What is there already is chained by the program, right after this.
-- Hashes and salts are in hexadecimal digits.
ALTER TABLE audit ADD COLUMN salts TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN prev TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
-- One row, which whoever writes holds until he has written: the newest entry, and the last one of those that went for their age.
CREATE TABLE audit_head (
        one       BIGINT NOT NULL PRIMARY KEY,
        id        BIGINT NOT NULL,
        hash      TEXT   NOT NULL,
        base_id   BIGINT NOT NULL,
        base_hash TEXT   NOT NULL,
        writes    BIGINT NOT NULL
);
