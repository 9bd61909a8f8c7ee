-- When the registry told of this person's death: null while it has not. No new role is made for them, no token holds, and
-- no letter goes to them. An earlier version of this program keeps a death as a fact alone: `migrate up` brings it here
-- each time it runs.
ALTER TABLE people ADD COLUMN died_at BIGINT;
-- The version of the Patient: each change of the row is one more.
ALTER TABLE people ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Serves searches for Patients by `deceased`.
CREATE INDEX people_died ON people (nhs_number) WHERE died_at IS NOT NULL;
