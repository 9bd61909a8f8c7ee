-- What is known about how two people are related: evidence, never permission. It can name people whom
-- the registry has not told us of; such a row appears in no answer.
CREATE TABLE relationships (
    id TEXT NOT NULL PRIMARY KEY,
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    -- Whether a national register vouches for it.
    verified BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Serves GET /RelatedPerson?identifier=… and the RelatedPersons that a role search includes.
CREATE INDEX relationships_by_proxy ON relationships (proxy, patient);
-- Serves GET /RelatedPerson?patient:identifier=…
CREATE INDEX relationships_by_patient ON relationships (patient, proxy);

-- What the proxy is to the patient.
CREATE TABLE relationship_codes (
    relationship_id TEXT NOT NULL REFERENCES relationships (id),
    position INTEGER NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    display TEXT,
    PRIMARY KEY (relationship_id, position)
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
    -- Consent.dateTime as it was written.
    created_text TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (proxy <> patient),
    CHECK (status <> 'active' OR grantor IS NOT NULL),
    UNIQUE (proxy, patient)
);

-- Serves searches by patient; searches by proxy use the index of the pair.
CREATE INDEX roles_by_patient ON roles (patient, proxy);

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
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, version)
);

-- The access requests, as they were handed in.
CREATE TABLE access_requests (
    id TEXT NOT NULL PRIMARY KEY,
    -- What the applicant quotes on the phone.
    reference_code TEXT NOT NULL UNIQUE,
    applicant TEXT NOT NULL CHECK (applicant IN ('RelatedPerson', 'Patient')),
    proxy TEXT NOT NULL,
    patient TEXT NOT NULL,
    authored_text TEXT NOT NULL,
    questionnaire TEXT NOT NULL,
    -- The QuestionnaireResponse as it came, as JSON.
    document TEXT NOT NULL,
    submitted_at BIGINT NOT NULL
);
