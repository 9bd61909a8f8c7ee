-- The same division over machines, with Citus (https://docs.citusdata.com): the statements that follow partition.sql's
-- rules. Citus is not in Debian and these were not run here; what was run is partition.sql, which has the same rule
-- about keys. docs/scale.md names the two statements of the program that Citus would refuse.
--
-- Order: an empty, migrated database; this file; then the data.

-- The foreign keys that point at roles (id) alone go, as in partition.sql.
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

-- Every unique key contains the patient. UNIQUE (proxy, patient) does already.
ALTER TABLE roles DROP CONSTRAINT roles_pkey, ADD PRIMARY KEY (patient, id);
ALTER TABLE role_versions DROP CONSTRAINT role_versions_pkey, ADD PRIMARY KEY (patient, id, version);
CREATE INDEX roles_by_id ON roles (id);
CREATE INDEX role_versions_by_id ON role_versions (id, version);

-- On every machine: people, because a role refers to two of them, and they live in different shards.
SELECT create_reference_table('people');
SELECT create_reference_table('person_names');
SELECT create_reference_table('person_name_parts');

-- By patient: a patient's roles and their histories stand together.
SELECT create_distributed_table('roles', 'patient', shard_count => 64);
SELECT create_distributed_table('role_versions', 'patient', colocate_with => 'roles');
