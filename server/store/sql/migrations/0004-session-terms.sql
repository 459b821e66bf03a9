-- How long a session lives: seconds from `created`; 0: as long as it is used; -1: until it is taken back.
ALTER TABLE sessions ADD COLUMN life BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN note TEXT;
