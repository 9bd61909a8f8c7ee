DROP INDEX roles_by_grantor;
ALTER TABLE role_versions DROP COLUMN reason_by;
ALTER TABLE roles DROP COLUMN reason_by;
