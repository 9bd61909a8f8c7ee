-- People on their way through the pages of the authorization endpoint. A row is bound to one browser by a
-- cookie, of which only the SHA-256 is here, and is gone when the app has its answer.
CREATE TABLE log_ins (
    digest TEXT NOT NULL PRIMARY KEY,
    -- The app, by its client_id, and what it asks: a JSON object.
    app TEXT NOT NULL,
    request TEXT NOT NULL,
    -- Where the browser was sent to log in, and what was sent along: a JSON object.
    provider TEXT,
    departure TEXT,
    -- Who has come back, and what the provider has proved of them: a JSON object.
    user_id TEXT REFERENCES users (id),
    person TEXT,
    -- For whom they act now, once they have said so: without a role, for themselves.
    has_chosen BOOLEAN NOT NULL,
    patient TEXT,
    role_id TEXT,
    expires_at BIGINT NOT NULL,
    CHECK ((provider IS NULL) = (departure IS NULL)),
    CHECK ((user_id IS NULL) = (person IS NULL)),
    CHECK ((patient IS NULL) = (role_id IS NULL)),
    CHECK (role_id IS NULL OR has_chosen)
);

-- Serves the removal of log-ins that were given up.
CREATE INDEX log_ins_by_end ON log_ins (expires_at);
