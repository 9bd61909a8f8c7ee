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
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CHECK ((proxy IS NULL) = (role_id IS NULL)),
    CHECK (proxy IS NULL OR proxy <> patient)
);

-- Serves "end every grant of this user", "… of this app".
CREATE INDEX grants_by_user ON grants (user_id, app);
CREATE INDEX grants_by_app ON grants (app, id);
-- Serves the removal of grants that ended long ago.
CREATE INDEX grants_by_end ON grants (expires_at);
