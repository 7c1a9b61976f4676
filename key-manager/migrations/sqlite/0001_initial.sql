-- `body` is the rest of a row as JSON; columns are what is searched by, unique, sealed or counted.
-- Times are milliseconds since the epoch.

CREATE TABLE apis (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE, version TEXT NOT NULL, context TEXT NOT NULL,
    body TEXT NOT NULL, last_revision INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, version), UNIQUE (context, version)
) STRICT;
CREATE TABLE api_revisions (
    id TEXT PRIMARY KEY, api_id TEXT NOT NULL REFERENCES apis ON DELETE CASCADE, number INTEGER NOT NULL,
    body TEXT NOT NULL, UNIQUE (api_id, number)
) STRICT;
-- Outlives its API until the identity provider has forgotten it too.
CREATE TABLE api_registrations (
    api_id TEXT NOT NULL, identity_provider_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (api_id, identity_provider_id)
) STRICT;
CREATE TABLE applications (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (owner, name)
) STRICT;
-- Outlives its application until the identity provider has deleted the client.
CREATE TABLE application_keys (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL, application_id TEXT NOT NULL,
    identity_provider_id TEXT NOT NULL REFERENCES identity_providers, key_type TEXT NOT NULL,
    client_id TEXT, created_at INTEGER NOT NULL, body TEXT NOT NULL, client_secret BLOB, handle BLOB,
    UNIQUE (application_id, identity_provider_id, key_type), UNIQUE (identity_provider_id, client_id)
) STRICT;
CREATE INDEX application_keys_by_client ON application_keys (client_id);
CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL, api_id TEXT NOT NULL REFERENCES apis,
    application_id TEXT NOT NULL REFERENCES applications, created_at INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (api_id, application_id)
) STRICT;
CREATE INDEX subscriptions_by_application ON subscriptions (application_id);
CREATE TABLE identity_providers (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL, secrets BLOB
) STRICT;
CREATE TABLE scopes (
    id TEXT PRIMARY KEY, row_version INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL
) STRICT;
CREATE TABLE revocations (
    id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;

CREATE TABLE feed_state (
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, number INTEGER NOT NULL,
    complete_since INTEGER NOT NULL
) STRICT;
INSERT INTO feed_state VALUES (1, lower(hex(randomblob(8))), 0, 0);
-- The newest state of each record; no `record` is a tombstone. The bucket is docs/feed.md's.
CREATE TABLE feed_records (
    kind TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, bucket INTEGER NOT NULL,
    api_id TEXT, application_id TEXT, record TEXT, PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX feed_records_by_number ON feed_records (number, kind, id);
CREATE INDEX feed_records_by_bucket ON feed_records (bucket, kind, id);
CREATE TABLE gateways (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE intents (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, next_attempt_at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX intents_due ON intents (state, next_attempt_at);
CREATE TABLE signing_keys (
    key_id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, body TEXT NOT NULL, private_key BLOB NOT NULL
) STRICT;

CREATE TABLE audit_log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, request_id TEXT NOT NULL,
    action TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_log_keeps_what_is_written BEFORE UPDATE ON audit_log
BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_log_keeps_all BEFORE DELETE ON audit_log
BEGIN SELECT raise(ABORT, 'the audit log is never shortened'); END;
