-- Who says who somebody is, where that is not this server's password: "ISSUER SUBJECT" (server/oidc).
ALTER TABLE users ADD COLUMN identity TEXT
