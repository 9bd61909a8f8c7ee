-- Who wants to hear of what, and how they are told (FHIR Subscription).
CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('requested', 'active', 'error', 'off')),
    -- Why the status is error, for people.
    error TEXT,
    -- Deleted by its owner: it is answered 410, and nothing is sent any more.
    is_deleted BOOLEAN NOT NULL,
    -- Whose it is: nobody else may know of it. Then all that is needed to judge again what they may see.
    owner_key TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- The grant behind it, which is kept for as long as the subscription.
    grant_id TEXT,
    -- In which of the three ways it was asked for, and for what: the topics, with a space between them.
    style TEXT NOT NULL CHECK (style IN ('backport', 'classic', 'national')),
    topics TEXT NOT NULL,
    -- The one NHS number that every event for it names; null where there is none. It finds the subscriptions of
    -- a person among those of everybody.
    about TEXT,
    -- Subscription.criteria as it was written, and the conditions on events, as JSON.
    criteria TEXT NOT NULL,
    filters TEXT NOT NULL,
    channel_type TEXT NOT NULL CHECK (channel_type IN ('rest-hook', 'websocket', 'message')),
    endpoint TEXT,
    -- The endpoint without its query, which may hold a secret, and the contacts (`system|value`, with a unit
    -- separator around each): what searches find.
    url TEXT,
    contacts TEXT,
    -- The media type of what is sent, and how much of it; null where nothing but the call is sent.
    payload TEXT,
    content TEXT NOT NULL CHECK (content IN ('empty', 'id-only', 'full-resource')),
    heartbeat_seconds BIGINT,
    timeout_seconds BIGINT,
    max_count BIGINT,
    -- Subscription.end.
    end_at BIGINT,
    -- The resource as JSON, without what the service keeps in other columns.
    document TEXT NOT NULL,
    -- Subscription.channel.header, and the secrets with which deliveries are signed: all three encrypted.
    headers TEXT NOT NULL,
    secret TEXT NOT NULL,
    former_secret TEXT,
    -- Up to when the former secret signs as well.
    former_until BIGINT,
    -- Something in it cannot be read or told: until its owner writes it anew, nothing is numbered for it.
    is_set_aside BOOLEAN NOT NULL
);

-- Serves "what has this owner?", and "who may want to hear of an event about these people?"
CREATE INDEX subscriptions_by_owner ON subscriptions (owner_key, id);
CREATE INDEX subscriptions_by_about ON subscriptions (about, id);
CREATE INDEX subscriptions_by_update ON subscriptions (updated_at, id);
-- Serves the job that removes grants on which nothing hangs.
CREATE INDEX subscriptions_by_grant ON subscriptions (grant_id);
-- Serves the job that ends what has come to its end.
CREATE INDEX subscriptions_by_end ON subscriptions (end_at);

-- Every version of every subscription, the present one included. Rows are only ever added.
CREATE TABLE subscription_versions (
    id TEXT NOT NULL REFERENCES subscriptions (id),
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    is_deleted BOOLEAN NOT NULL,
    owner_key TEXT NOT NULL,
    document TEXT NOT NULL,
    headers TEXT NOT NULL,
    PRIMARY KEY (id, version)
);

-- Serves the history of the type.
CREATE INDEX subscription_versions_by_update ON subscription_versions (updated_at, id, version);

-- How far each subscription is told, and who is telling it.
CREATE TABLE deliveries (
    subscription_id TEXT NOT NULL PRIMARY KEY REFERENCES subscriptions (id),
    -- The number of its last event, and of the last one that its consumer has taken.
    last_number BIGINT NOT NULL,
    sent_number BIGINT NOT NULL,
    -- The last number of the notification that is being sent: a second attempt has the same events, whoever makes it.
    batch_until BIGINT,
    -- When there is something to send, or to try again; null while there is nothing, and where the consumer
    -- comes for it (websocket).
    due_at BIGINT,
    -- Attempts in a row that failed, and when the first of them was made.
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    -- Events to be sent once more ($resend): from, and up to.
    resend_from BIGINT,
    resend_until BIGINT,
    -- The process that sends, and until when nobody else may.
    lease_holder TEXT,
    lease_until BIGINT,
    -- Of a websocket: the process that holds its socket, and until when it is believed to.
    bound_to TEXT,
    bound_until BIGINT,
    -- When something was last sent, and when it was last taken.
    sent_at BIGINT,
    succeeded_at BIGINT,
    -- What was wrong the last time, for people.
    last_error TEXT
);

-- Serves "what is there to do?"
CREATE INDEX deliveries_by_due ON deliveries (due_at);

-- Serves "which sockets does this process hold?"
CREATE INDEX deliveries_by_binding ON deliveries (bound_to);

-- The events of each subscription, numbered from 1 without a gap.
CREATE TABLE subscription_events (
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    number BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    patient TEXT NOT NULL,
    proxy TEXT NOT NULL,
    PRIMARY KEY (subscription_id, number)
);

-- Serves the job that forgets what is older than is promised.
CREATE INDEX subscription_events_by_time ON subscription_events (occurred_at);

-- Each attempt to tell a consumer something.
CREATE TABLE attempts (
    id TEXT NOT NULL PRIMARY KEY,
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('handshake', 'heartbeat', 'event-notification')),
    first_number BIGINT,
    last_number BIGINT,
    -- Whether the consumer took it; else a short code says why not, and the HTTP status if there was one.
    is_taken BOOLEAN NOT NULL,
    failure TEXT,
    status BIGINT,
    duration_ms BIGINT NOT NULL,
    -- The beginning of what the consumer answered, a kilobyte at most.
    answer TEXT
);

-- Serves "how did it go?", and the job that forgets.
CREATE INDEX attempts_by_subscription ON attempts (subscription_id, id);
CREATE INDEX attempts_by_time ON attempts (at);

-- Tokens that bind a websocket to subscriptions, each good once and for a short time: the SHA-256 alone is kept.
CREATE TABLE binding_tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    -- Who asked for it, and for which subscriptions, with a space between their ids.
    owner_key TEXT NOT NULL,
    subscriptions TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Serves the job that forgets what was never used.
CREATE INDEX binding_tokens_by_expiry ON binding_tokens (expires_at);
