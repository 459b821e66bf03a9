-- Links by which somebody without an account takes part in one call (server/calls). `token` is the SHA-256 of the link's, in hexadecimal digits; times are ms since the epoch.
CREATE TABLE call_guests (
        token      TEXT   NOT NULL PRIMARY KEY,
        call_id    TEXT   NOT NULL,
        made_by    TEXT   NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
);
CREATE INDEX call_guests_call ON call_guests (call_id);
CREATE INDEX call_participants_user ON call_participants (user_id);
