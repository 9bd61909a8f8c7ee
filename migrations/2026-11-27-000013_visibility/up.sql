-- The citizen who gave the reason of a role's status themselves, by NHS number; NULL where the service, a system or
-- staff gave it. The reason is shown to that person and masked for the other (access.mask_reasons). A program that does not
-- know the column leaves it alone: the reason stays masked.
ALTER TABLE roles ADD COLUMN reason_by TEXT;
ALTER TABLE role_versions ADD COLUMN reason_by TEXT;

-- Whoever ended a role themselves before this migration stands in the record of that version.
UPDATE roles SET reason_by = (
    SELECT MIN(caller_id) FROM audit_records
    WHERE subject = 'Consent/' || roles.id AND subject_version = roles.version AND caller_kind IN ('citizen', 'proxy')
) WHERE reason_code IN ('ROLE_DEACTIVATED_PATIENT_REQUEST', 'ROLE_DEACTIVATED_INACTIVE_ROLE');
UPDATE role_versions SET reason_by = (
    SELECT MIN(caller_id) FROM audit_records
    WHERE subject = 'Consent/' || role_versions.id AND subject_version = role_versions.version
        AND caller_kind IN ('citizen', 'proxy')
) WHERE reason_code IN ('ROLE_DEACTIVATED_PATIENT_REQUEST', 'ROLE_DEACTIVATED_INACTIVE_ROLE');

-- Searches by staff: the roles that their organisation granted (access.staff_reach = "practice").
CREATE INDEX roles_by_grantor ON roles (grantor, id);
