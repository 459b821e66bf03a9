-- Whether the host has proven its key to this server by name: then a proof that names none is not its own any more.
ALTER TABLE hosts ADD COLUMN names_server BIGINT NOT NULL DEFAULT 0;
