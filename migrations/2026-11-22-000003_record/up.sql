-- Who did what to which version. A row is written in the transaction of its act, and only ever added.
CREATE TABLE audit_records (
    id TEXT NOT NULL PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    act TEXT NOT NULL,
    caller_kind TEXT NOT NULL,
    caller_id TEXT,
    -- The caller's X-Request-ID.
    request_id TEXT,
    -- The FHIR type and id that was acted on, and the version that the act made.
    subject TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    patient TEXT NOT NULL,
    proxy TEXT NOT NULL
);

-- Serves searches by patient, and the newest first.
CREATE INDEX audit_records_by_patient ON audit_records (patient, id);
CREATE INDEX audit_records_by_time ON audit_records (recorded_at, id);
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
    proxy TEXT NOT NULL
);

-- Serves "which events came of this role?"
CREATE INDEX outbox_by_subject ON outbox (subject, subject_version);
