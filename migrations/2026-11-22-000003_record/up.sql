-- Where each chain of audit records ends. There are several, so that writers do not all wait for one another.
CREATE TABLE audit_chains (
    chain BIGINT NOT NULL PRIMARY KEY,
    -- The place of the last record, and its hash; before the first one, 0 and 64 zeros.
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);

INSERT INTO audit_chains (chain, sequence, hash) VALUES
    (0, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (1, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (2, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (3, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (4, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (5, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (6, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (7, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (8, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (9, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (10, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (11, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (12, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (13, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (14, 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    (15, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Who did what, to whose data, and what came of it: each access and each change. A row is written in the
-- transaction of its act, or before the act is answered, and only ever added.
CREATE TABLE audit_records (
    id TEXT NOT NULL PRIMARY KEY,
    -- The place in a chain, the hash of the record before it there, and the SHA-256 of that and every column.
    chain BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    act TEXT NOT NULL,
    -- 0: it was done; 4: it was refused; 8: it failed. Then a short code says why.
    outcome TEXT NOT NULL CHECK (outcome IN ('0', '4', '8')),
    refusal TEXT,
    -- Who acted, for which organisation, through which app, by which grant.
    caller_kind TEXT NOT NULL,
    caller_id TEXT,
    organisation TEXT,
    app TEXT,
    grant_id TEXT,
    -- The caller's X-Request-ID.
    request_id TEXT,
    -- The FHIR type and id that was acted on, or the type; and the version that a change made.
    subject TEXT,
    subject_version BIGINT,
    -- The query of a search, as it was asked.
    query TEXT,
    -- Whose data it was: null where nobody's were shown.
    patient TEXT,
    proxy TEXT,
    UNIQUE (chain, sequence)
);

-- Serves searches by patient, what a proxy may see, searches by actor, those for refusals, and the newest first.
CREATE INDEX audit_records_by_patient ON audit_records (patient, id);
CREATE INDEX audit_records_by_proxy ON audit_records (proxy, id);
CREATE INDEX audit_records_by_caller ON audit_records (caller_id, id);
CREATE INDEX audit_records_by_outcome ON audit_records (outcome, id);
CREATE INDEX audit_records_by_time ON audit_records (recorded_at, id);
-- Serve searches by app, by grant (`policy`), and by what was done.
CREATE INDEX audit_records_by_app ON audit_records (app, id);
CREATE INDEX audit_records_by_grant ON audit_records (('urn:uuid:' || grant_id), id);
CREATE INDEX audit_records_by_act ON audit_records (act, id);
-- Serves Provenance, which is of the changes alone: few among many accesses.
CREATE INDEX audit_records_of_changes ON audit_records (id) WHERE subject_version IS NOT NULL;
-- Serves "what happened to this role?"
CREATE INDEX audit_records_by_subject ON audit_records (subject, subject_version);

-- What others must hear of, written in the transaction of the change. Ids are UUIDv7: in order of time.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    occurred_at BIGINT NOT NULL,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    patient TEXT NOT NULL,
    proxy TEXT NOT NULL,
    -- Its place among those that nobody was told of yet; null afterwards. It is given when the row of the change
    -- is locked already, so that the events of one subject stand in the order of their commits.
    position BIGINT
);

-- Serves "what is there to tell?"
CREATE INDEX outbox_by_position ON outbox (position);
-- Serves the job that forgets what is older than is promised.
CREATE INDEX outbox_by_time ON outbox (occurred_at);
-- Serves "which events came of this role?"
CREATE INDEX outbox_by_subject ON outbox (subject, subject_version);
