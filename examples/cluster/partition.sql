-- Splits roles and their versions by the hash of the patient, on plain PostgreSQL: `psql -f partition.sql` on a migrated
-- database while no server runs. It has the rule that a sharding PostgreSQL has as well: whatever is to be unique
-- contains the key. The servers' statements run on it unchanged (`run check --only partition`).
BEGIN;

-- A key that points at roles (id) alone cannot be kept by the database: ids are unique within a partition only.
-- The program never deletes a role and makes their ids itself (UUIDv7), so nothing points nowhere.
DO $$
DECLARE
    one RECORD;
BEGIN
    FOR one IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
        WHERE contype = 'f' AND confrelid IN ('roles'::regclass, 'role_versions'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.place, one.conname);
    END LOOP;
END $$;

ALTER TABLE roles RENAME TO roles_whole;
ALTER TABLE role_versions RENAME TO role_versions_whole;

-- Columns, defaults and checks as they were; the order of the columns too, which copying a version relies on.
CREATE TABLE roles (LIKE roles_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY HASH (patient);
CREATE TABLE role_versions (LIKE role_versions_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY HASH (patient);

DO $$
BEGIN
    FOR part IN 0..15 LOOP
        EXECUTE format('CREATE TABLE roles_%s PARTITION OF roles FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE role_versions_%s PARTITION OF role_versions '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
    END LOOP;
END $$;

INSERT INTO roles SELECT * FROM roles_whole;
INSERT INTO role_versions SELECT * FROM role_versions_whole;
DROP TABLE role_versions_whole, roles_whole;

-- The two rules that must never break still hold in the database: one role for each pair, nobody their own proxy
-- (a check, copied above).
ALTER TABLE roles ADD PRIMARY KEY (patient, id), ADD UNIQUE (patient, proxy),
    ADD FOREIGN KEY (proxy) REFERENCES people (nhs_number), ADD FOREIGN KEY (patient) REFERENCES people (nhs_number);
ALTER TABLE role_versions ADD PRIMARY KEY (patient, id, version);

-- The searches of the program, within each part.
CREATE INDEX roles_by_id ON roles (id);
CREATE INDEX roles_by_proxy ON roles (proxy, patient);
CREATE INDEX roles_by_update ON roles (updated_at, id);
CREATE INDEX roles_by_end ON roles (end_at, id);
CREATE INDEX roles_by_status_and_end ON roles (status, end_at, id);
CREATE INDEX roles_by_status_and_update ON roles (status, updated_at, id);
CREATE INDEX role_versions_by_id ON role_versions (id, version);
CREATE INDEX role_versions_by_update ON role_versions (updated_at, id, version);

COMMIT;
ANALYZE roles;
ANALYZE role_versions;
