-- What is known about how two people are related: evidence, never permission. It can name people whom
-- the registry has not told us of; such a row appears in no answer.
CREATE TABLE relationships (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    -- Whether a national register vouches for it.
    verified BOOLEAN NOT NULL,
    -- RelatedPerson.active: whether it is in use.
    active BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Serves searches for RelatedPersons by proxy, and those that a role search includes.
CREATE INDEX relationships_by_proxy ON relationships (proxy, patient);
-- Serves searches for RelatedPersons by patient.
CREATE INDEX relationships_by_patient ON relationships (patient, proxy);
-- Serves searches by time of change, and the newest first.
CREATE INDEX relationships_by_update ON relationships (updated_at, id);

-- Every version of every relationship, the present one included. Rows are only ever added.
CREATE TABLE relationship_versions (
    id TEXT NOT NULL REFERENCES relationships (id),
    version BIGINT NOT NULL,
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    verified BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);

-- Serves the history of the type.
CREATE INDEX relationship_versions_by_update ON relationship_versions (updated_at, id, version);

-- What the proxy is to the patient, in each version.
CREATE TABLE relationship_codes (
    relationship_id TEXT NOT NULL REFERENCES relationships (id),
    version BIGINT NOT NULL,
    position INTEGER NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    display TEXT,
    PRIMARY KEY (relationship_id, version, position)
);

-- The roles as they are now. The database itself holds the two rules that must never break:
-- one role for each pair, and nobody their own proxy.
CREATE TABLE roles (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    proxy TEXT NOT NULL REFERENCES people (nhs_number),
    patient TEXT NOT NULL REFERENCES people (nhs_number),
    status TEXT NOT NULL CHECK (status IN ('proposed', 'active', 'rejected', 'inactive', 'entered-in-error')),
    reason_code TEXT NOT NULL,
    reason_text TEXT,
    legal_basis TEXT NOT NULL,
    -- ODS code of the organisation that authorised the role.
    grantor TEXT,
    -- The period's start and end as they were written, …
    start_text TEXT,
    end_text TEXT,
    -- … the first millisecond of the start, and the last millisecond of the end.
    start_at BIGINT,
    end_at BIGINT,
    -- Consent.dateTime as it was written, and the first and last millisecond that it covers.
    created_text TEXT NOT NULL,
    created_from BIGINT NOT NULL,
    created_to BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (proxy <> patient),
    CHECK (status <> 'active' OR grantor IS NOT NULL),
    UNIQUE (proxy, patient)
);

-- Serves searches by patient; searches by proxy use the index of the pair.
CREATE INDEX roles_by_patient ON roles (patient, proxy);
-- Serves searches by time of change, and the newest first.
CREATE INDEX roles_by_update ON roles (updated_at, id);
-- Serves searches for what ends, or has ended, within a time.
CREATE INDEX roles_by_end ON roles (end_at, id);

-- Every version of every role, the present one included. Rows are only ever added.
CREATE TABLE role_versions (
    id TEXT NOT NULL REFERENCES roles (id),
    version BIGINT NOT NULL,
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    status TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason_text TEXT,
    legal_basis TEXT NOT NULL,
    grantor TEXT,
    start_text TEXT,
    end_text TEXT,
    start_at BIGINT,
    end_at BIGINT,
    created_text TEXT NOT NULL,
    created_from BIGINT NOT NULL,
    created_to BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);

-- Serves the history of the type.
CREATE INDEX role_versions_by_update ON role_versions (updated_at, id, version);

-- The access requests, as they were handed in.
CREATE TABLE access_requests (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    -- What the applicant quotes on the phone.
    reference_code TEXT NOT NULL UNIQUE,
    -- QuestionnaireResponse.status.
    status TEXT NOT NULL,
    applicant TEXT NOT NULL CHECK (applicant IN ('RelatedPerson', 'Patient')),
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    -- QuestionnaireResponse.authored as it was written, and the milliseconds that it covers.
    authored_text TEXT NOT NULL,
    authored_from BIGINT NOT NULL,
    authored_to BIGINT NOT NULL,
    questionnaire TEXT NOT NULL,
    -- The QuestionnaireResponse as it came, as JSON.
    document TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Serves searches by patient, and by proxy.
CREATE INDEX access_requests_by_patient ON access_requests (patient, id);
CREATE INDEX access_requests_by_proxy ON access_requests (proxy, id);
-- Serves searches by time of change, and the newest first.
CREATE INDEX access_requests_by_update ON access_requests (updated_at, id);

-- Every version of every access request, the present one included. Rows are only ever added.
CREATE TABLE access_request_versions (
    id TEXT NOT NULL REFERENCES access_requests (id),
    version BIGINT NOT NULL,
    reference_code TEXT NOT NULL,
    status TEXT NOT NULL,
    applicant TEXT NOT NULL,
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    authored_text TEXT NOT NULL,
    authored_from BIGINT NOT NULL,
    authored_to BIGINT NOT NULL,
    questionnaire TEXT NOT NULL,
    document TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);

-- Serves the history of the type.
CREATE INDEX access_request_versions_by_update ON access_request_versions (updated_at, id, version);
