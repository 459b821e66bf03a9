-- Calls between two people (server/calls): what becomes of each, who took part, how good it was. Times are ms since the epoch, 0: not yet.
-- `quality`, `metadata`, `error_details`, `consented_by` are JSON texts; of what was measured, how often and the sum in thousandths.
CREATE TABLE calls (
        id             TEXT   NOT NULL PRIMARY KEY,
        patient_id     TEXT   NOT NULL,
        provider_id    TEXT   NOT NULL,
        type           TEXT   NOT NULL,
        status         TEXT   NOT NULL,
        scheduled_at   BIGINT NOT NULL,
        started_at     BIGINT NOT NULL,
        ended_at       BIGINT NOT NULL,
        room_id        TEXT   NOT NULL,
        initiated_by   TEXT   NOT NULL,
        appointment_id TEXT,
        ended_by       TEXT,
        reason         TEXT,
        error_details  TEXT,
        recording      BIGINT NOT NULL,
        consented      BIGINT NOT NULL,
        consented_by   TEXT   NOT NULL,
        metadata       TEXT   NOT NULL,
        quality        TEXT,
        fell_back      BIGINT NOT NULL,
        bandwidth_n    BIGINT NOT NULL,
        bandwidth      BIGINT NOT NULL,
        latency_n      BIGINT NOT NULL,
        latency        BIGINT NOT NULL,
        loss_n         BIGINT NOT NULL,
        loss           BIGINT NOT NULL,
        created_at     BIGINT NOT NULL,
        updated_at     BIGINT NOT NULL
);
CREATE INDEX calls_patient ON calls (patient_id, created_at);
CREATE INDEX calls_provider ON calls (provider_id, created_at);
CREATE INDEX calls_status ON calls (status, scheduled_at);
CREATE INDEX calls_appointment ON calls (appointment_id);
CREATE TABLE call_participants (
        call_id      TEXT   NOT NULL,
        user_id      TEXT   NOT NULL,
        status       TEXT   NOT NULL,
        invited_at   BIGINT NOT NULL,
        joined_at    BIGINT NOT NULL,
        left_at      BIGINT NOT NULL,
        video        BIGINT NOT NULL,
        audio        BIGINT NOT NULL,
        consented_at BIGINT NOT NULL,
        PRIMARY KEY (call_id, user_id)
);
CREATE INDEX call_participants_status ON call_participants (call_id, status);
