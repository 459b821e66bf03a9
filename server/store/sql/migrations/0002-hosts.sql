-- Which key a host's instance came with when it was first seen: names are not authority.
CREATE TABLE hosts (
        name       TEXT   NOT NULL,
        instance   TEXT   NOT NULL,
        key        TEXT   NOT NULL,
        first_seen BIGINT NOT NULL,
        last_seen  BIGINT NOT NULL,
        PRIMARY KEY (name, instance)
);
