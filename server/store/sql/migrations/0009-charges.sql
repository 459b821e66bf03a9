-- What devices have cost, a row for each clip that was taken: it stays when its event goes. `credits`: 10 s each; `at`: ms since the epoch.
CREATE TABLE ev_charges (
        seq     BIGINT NOT NULL PRIMARY KEY,
        user_id TEXT   NOT NULL,
        at      BIGINT NOT NULL,
        credits BIGINT NOT NULL
);
CREATE INDEX ev_charges_user ON ev_charges (user_id, at);
CREATE INDEX events_user ON events (user_id, created);
