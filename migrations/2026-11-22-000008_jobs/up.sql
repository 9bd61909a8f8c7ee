-- Scheduled work: one row for each job, made when a server first knows it.
CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    -- When it is to run next.
    due_at BIGINT NOT NULL,
    -- Which process runs it now, and until when nobody else may.
    lease_holder TEXT,
    lease_until BIGINT,
    -- Of the last run: when it began and ended, what came of it, how many things it did and how many it skipped.
    started_at BIGINT,
    finished_at BIGINT,
    outcome TEXT CHECK (outcome IN ('done', 'partly', 'failed')),
    done BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    -- Up to which time everything is done, of a job that goes forward in time.
    mark BIGINT,
    CHECK ((lease_holder IS NULL) = (lease_until IS NULL))
);

-- Whether a role is to be looked at again by whoever granted it.
ALTER TABLE roles ADD COLUMN needs_review BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE role_versions ADD COLUMN needs_review BOOLEAN NOT NULL DEFAULT FALSE;

-- Serves the jobs that look for roles that end, or have ended, within a time.
CREATE INDEX roles_by_status_and_end ON roles (status, end_at, id);
-- Serves the job that looks for roles that nobody uses.
CREATE INDEX roles_by_status_and_update ON roles (status, updated_at, id);

-- When a role was last used to act, to the day: written at most once a day.
CREATE TABLE role_uses (
    role_id TEXT NOT NULL PRIMARY KEY REFERENCES roles (id),
    used_at BIGINT NOT NULL
);

-- Which birthdays of its patient a role has gone through.
CREATE TABLE role_milestones (
    role_id TEXT NOT NULL REFERENCES roles (id),
    age INTEGER NOT NULL,
    reached_at BIGINT NOT NULL,
    PRIMARY KEY (role_id, age)
);

-- Which reminders were given of the end of a role.
CREATE TABLE role_reminders (
    role_id TEXT NOT NULL REFERENCES roles (id),
    end_at BIGINT NOT NULL,
    -- How many days from the end: before it, a number below 0.
    days INTEGER NOT NULL,
    reminded_at BIGINT NOT NULL,
    PRIMARY KEY (role_id, end_at, days)
);

-- Serves the removal of reminders of ends long past.
CREATE INDEX role_reminders_by_end ON role_reminders (end_at);

-- Messages to people, and what became of them. Their words are made when they are sent.
CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    -- To whom, and for which reason: nobody hears twice for the same one.
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    role_id TEXT NOT NULL REFERENCES roles (id),
    kind TEXT NOT NULL CHECK (kind IN ('ends-soon', 'has-ended')),
    -- The end that it is about, as it was written.
    end_text TEXT NOT NULL,
    -- 'sending' is written before the sender is asked: what is found so later may have arrived, and is not sent
    -- again.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'unaddressed', 'failed', 'withdrawn')),
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is to be tried, or what happened to it happened.
    due_at BIGINT NOT NULL,
    UNIQUE (person, reason)
);

-- Serves "what is to be sent now?", and the removal of old ones.
CREATE INDEX messages_by_state ON messages (state, due_at, id);

-- Where somebody who has logged in says that they can be written to.
ALTER TABLE users ADD COLUMN email TEXT;

-- The events that came in, each once.
CREATE TABLE inbound_events (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (source, id)
);

-- Serves the removal of old ones.
CREATE INDEX inbound_events_by_time ON inbound_events (received_at);

-- Of each person and kind of fact, when what we know last happened: what is older does not undo it.
CREATE TABLE person_facts (
    nhs_number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('death', 'number', 'invalidation', 'restriction', 'practice')),
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (nhs_number, kind)
);

-- Which number a superseded one became. An adoption is none of these.
CREATE TABLE number_changes (
    old_number TEXT NOT NULL PRIMARY KEY,
    new_number TEXT NOT NULL,
    CHECK (old_number <> new_number)
);

-- Serve the removal of grants, on which these hang.
CREATE INDEX codes_by_grant ON codes (grant_id);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (grant_id);

-- Serves "who has a birthday?".
CREATE INDEX people_by_birth_end ON people (birth_to, nhs_number);
