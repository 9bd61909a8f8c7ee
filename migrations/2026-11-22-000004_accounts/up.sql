-- The users of the account platform: people who have logged in. A user by itself may do nothing.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Serves searches for Persons by time of change.
CREATE INDEX users_by_update ON users (updated_at, id);

-- How a user has proved who they are: a subject at an identity provider. It says who, never what they may.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Serves "which identities has this user?"
CREATE INDEX identities_by_user ON identities (user_id);

-- Which users may act within which account. An account is the context of one NHS number.
CREATE TABLE account_users (
    nhs_number TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (nhs_number, user_id)
);

-- Serves "whose account is this user's?"
CREATE INDEX account_users_by_user ON account_users (user_id);

-- What a person, or the operator, gave to an app. Tokens are issued for a grant and end with it.
CREATE TABLE grants (
    id TEXT NOT NULL PRIMARY KEY,
    app TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('citizen', 'staff', 'system')),
    user_id TEXT REFERENCES users (id),
    -- The account that it is about: the person themselves, or the patient for whom they act …
    patient TEXT,
    -- … and then who acts, by which role.
    proxy TEXT,
    role_id TEXT REFERENCES roles (id),
    -- SMART scopes, with spaces between.
    scope TEXT NOT NULL,
    -- How a citizen was known at the log-in: a vector of trust.
    vot TEXT,
    -- A member of staff, as CIS2 knows them, and the ODS code of the organisation that they work for now.
    staff TEXT,
    organisation TEXT,
    -- Who has logged in, as Type/id.
    fhir_user TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CHECK ((proxy IS NULL) = (role_id IS NULL)),
    CHECK (proxy IS NULL OR proxy <> patient)
);

-- Codes that a browser brings from the authorization endpoint to the app (RFC 6749 section 4.1.2). Only the
-- SHA-256 of a code is here.
CREATE TABLE codes (
    digest TEXT NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES grants (id),
    redirect_uri TEXT NOT NULL,
    -- The S256 challenge (RFC 7636).
    challenge TEXT NOT NULL,
    nonce TEXT,
    -- The thumbprint of the key that the code is bound to (RFC 9449 section 10).
    dpop_jkt TEXT,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- Serves the removal of codes that are over.
CREATE INDEX codes_by_end ON codes (expires_at);

-- Refresh tokens: the SHA-256 of each. Each is used once; a second use ends the grant, and so the family.
CREATE TABLE refresh_tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES grants (id),
    -- The thumbprint of the key that a public client's token is bound to (RFC 9449 section 5).
    dpop_jkt TEXT,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- Serves the removal of tokens that are over.
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- What may be shown once: the SHA-256 of the jti of an assertion or of a proof, with whom it came from.
CREATE TABLE seen_once (
    digest TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- Serves the removal of what may be forgotten.
CREATE INDEX seen_once_by_end ON seen_once (expires_at);

-- Serves "end every grant of this user", "… of this app".
CREATE INDEX grants_by_user ON grants (user_id, app);
CREATE INDEX grants_by_app ON grants (app, id);
-- Serves the removal of grants that ended long ago.
CREATE INDEX grants_by_end ON grants (expires_at);
