-- `body` is the rest of a row as JSON; columns are what is searched by, unique, sealed or counted.
-- Times are milliseconds since the epoch. Texts compare octet by octet, whatever the database's locale.
-- Constraints are named, since the store tells by their names what there is already.

CREATE TABLE apis (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL, version TEXT COLLATE "C" NOT NULL, context TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL, last_revision BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT api_context UNIQUE (context, version)
);
CREATE UNIQUE INDEX api_name ON apis (lower(name), version);
CREATE TABLE api_revisions (
    id TEXT COLLATE "C" PRIMARY KEY, api_id TEXT COLLATE "C" NOT NULL REFERENCES apis ON DELETE CASCADE,
    number BIGINT NOT NULL, body TEXT NOT NULL, UNIQUE (api_id, number)
);
-- Outlives its API until the identity provider has forgotten it too.
CREATE TABLE api_registrations (
    api_id TEXT COLLATE "C" NOT NULL, identity_provider_id TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (api_id, identity_provider_id)
);
CREATE TABLE applications (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL, owner TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL,
    CONSTRAINT application_name UNIQUE (owner, name)
);
CREATE TABLE identity_providers (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL, secrets BYTEA,
    CONSTRAINT identity_provider_name UNIQUE (name)
);
-- Outlives its application until the identity provider has deleted the client.
CREATE TABLE application_keys (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL, application_id TEXT COLLATE "C" NOT NULL,
    identity_provider_id TEXT COLLATE "C" NOT NULL REFERENCES identity_providers, key_type TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C", created_at BIGINT NOT NULL, body TEXT NOT NULL, client_secret BYTEA, handle BYTEA,
    CONSTRAINT application_key UNIQUE (application_id, identity_provider_id, key_type),
    CONSTRAINT client_id UNIQUE (identity_provider_id, client_id)
);
CREATE INDEX application_keys_by_client ON application_keys (client_id);
CREATE TABLE subscriptions (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL, api_id TEXT COLLATE "C" NOT NULL REFERENCES apis,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications, created_at BIGINT NOT NULL, body TEXT NOT NULL,
    CONSTRAINT subscription UNIQUE (api_id, application_id)
);
CREATE INDEX subscriptions_by_application ON subscriptions (application_id);
CREATE TABLE scopes (
    id TEXT COLLATE "C" PRIMARY KEY, row_version BIGINT NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT NOT NULL,
    CONSTRAINT scope_name UNIQUE (name)
);
CREATE TABLE revocations (
    id TEXT COLLATE "C" PRIMARY KEY, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, body TEXT NOT NULL
);

-- Its row is locked by whoever writes: it orders commits.
CREATE TABLE feed_state (
    one BIGINT PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, number BIGINT NOT NULL, complete_since BIGINT NOT NULL
);
INSERT INTO feed_state VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0, 0);
-- The newest state of each record; no `record` is a tombstone. The bucket is docs/feed.md's.
CREATE TABLE feed_records (
    kind TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, number BIGINT NOT NULL, bucket BIGINT NOT NULL,
    api_id TEXT COLLATE "C", application_id TEXT COLLATE "C", record TEXT, PRIMARY KEY (kind, id)
);
CREATE INDEX feed_records_by_number ON feed_records (number, kind, id);
CREATE INDEX feed_records_by_bucket ON feed_records (bucket, kind, id);
CREATE TABLE gateways (name TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);

CREATE TABLE intents (
    id TEXT COLLATE "C" PRIMARY KEY, state TEXT COLLATE "C" NOT NULL, next_attempt_at BIGINT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX intents_due ON intents (state, next_attempt_at);
CREATE TABLE signing_keys (
    key_id TEXT COLLATE "C" PRIMARY KEY, created_at BIGINT NOT NULL, body TEXT NOT NULL, private_key BYTEA NOT NULL
);

CREATE TABLE audit_log (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL,
    request_id TEXT NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL
);
CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is never changed or shortened'; END $$;
CREATE TRIGGER audit_log_keeps_what_is_written BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    EXECUTE FUNCTION refuse_change_of_audit_log();
