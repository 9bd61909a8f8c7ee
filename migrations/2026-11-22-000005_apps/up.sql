-- Apps (OAuth clients) that have registered themselves (RFC 7591). Others are in the settings.
CREATE TABLE apps (
    client_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('citizen', 'staff', 'system')),
    -- How it proves itself: nothing of these for a public client, else one of them. Of a secret, the SHA-256.
    secret_sha256 TEXT,
    jwks TEXT,
    jwks_uri TEXT,
    -- One in each line.
    redirect_uris TEXT NOT NULL,
    -- With spaces between.
    grant_types TEXT NOT NULL,
    scope TEXT NOT NULL,
    is_dpop_bound BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- Authorization requests that apps have left here beforehand (RFC 9126), by the SHA-256 of their request_uri.
CREATE TABLE pushed_requests (
    digest TEXT NOT NULL PRIMARY KEY,
    app TEXT NOT NULL,
    -- As they came, form-urlencoded, without what proved the app.
    parameters TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Serves the removal of requests that are over.
CREATE INDEX pushed_requests_by_end ON pushed_requests (expires_at);
